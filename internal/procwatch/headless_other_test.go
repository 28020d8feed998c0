//go:build !linux

package procwatch

func endFirstThread() {}
