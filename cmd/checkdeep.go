package cmd

func (k *checking) modules() error { return nil }
func (k *checking) cache() error   { return nil }
