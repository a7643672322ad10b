//go:build !race

package portal

const raceDetector = false
