// Package priority makes a process stand back for all others.
package priority
