package cmd

import (
	"errors"

	"gostore/internal/config"
	"gostore/internal/definition"
	"gostore/internal/fetch"
	"gostore/internal/project"
	"gostore/internal/textfile"
)

// maxProjectConfig bounds gostore.toml, as package project does.
const maxProjectConfig = 1 << 20

// config returns what the environment, the user's file and the project say.
func (a *app) config() (config.Config, error) {
	a.once.conf.Lock()
	defer a.once.conf.Unlock()
	if a.conf != nil {
		return *a.conf, nil
	}
	user, err := config.Read(a.cfg.getenv)
	if err != nil {
		return config.Config{}, err
	}
	own, err := a.projectConfig()
	if err != nil {
		return config.Config{}, err
	}
	all := config.Merge(user, own)
	all.Offline = all.Offline || a.offlineFlag
	a.conf = &all
	return all, nil
}

// projectConfig returns what the project's gostore.toml says beside which tools it wants.
func (a *app) projectConfig() (config.Config, error) {
	p, err := project.Find(a.cfg.Dir)
	if errors.Is(err, project.ErrNone) || err == nil && p.Config == "" {
		return config.Config{}, nil
	}
	if err != nil {
		return config.Config{}, err
	}
	return projectConfigOf(p)
}

// projectConfigOf is projectConfig for any project with a gostore.toml.
func projectConfigOf(p project.Project) (config.Config, error) {
	data, err := textfile.Read(p.Config, maxProjectConfig)
	if err != nil {
		return config.Config{}, err
	}
	doc, err := textfile.ParseTOML(p.Config, data)
	if err != nil {
		return config.Config{}, err
	}
	c := config.Project(doc, p.Config)
	return c, doc.Err()
}

// offline reports whether no socket may be opened.
func (a *app) offline() (bool, error) {
	c, err := a.config()
	return c.Offline, err
}

// client returns what a source downloads with.
func (a *app) client(source string) (*fetch.Client, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	a.once.web.Lock()
	defer a.once.web.Unlock()
	if a.web == nil {
		client, warnings, err := c.Client()
		if err != nil {
			return nil, err
		}
		for _, w := range warnings {
			a.ui.warn("%s", w)
		}
		client.Stall, client.Pause = a.cfg.Stall, a.cfg.Pause
		a.web = client
	}
	return a.web.With(c.MirrorsFor(source)), nil
}

// definitions returns the definitions that are built in, and those that replace and extend them.
func (a *app) definitions() (definition.Set, error) {
	c, err := a.config()
	if err != nil {
		return definition.Set{}, err
	}
	return definition.Builtin().With(c.Tools), nil
}
