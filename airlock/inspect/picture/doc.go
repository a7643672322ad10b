// Package picture looks at PNG, JPEG and SVG pictures and makes new ones of
// what is seen: nothing of the original bytes is carried over.
//
// It judges bytes it is given and may touch nothing else. It must never keep
// metadata, hidden colours or low bits.
package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

// maxPixels bounds a picture: 40 million pixels are a poster.
const maxPixels = 40_000_000

// settle puts a picture on white and clears the two lowest bits of every
// colour, so that nothing can ride on what eyes don't see.
func settle(src image.Image) (out *image.RGBA, hidden bool) {
	b := src.Bounds()
	out = image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.NRGBAModel.Convert(src.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			a := uint32(c.A)
			if a == 0 && (c.R|c.G|c.B) != 0 && !(c.R == 255 && c.G == 255 && c.B == 255) {
				hidden = true
			}
			mix := func(v uint8) uint8 {
				m := uint8((uint32(v)*a + 255*(255-a) + 127) / 255)
				m &^= 3
				return m | m>>6
			}
			i := out.PixOffset(x, y)
			out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = mix(c.R), mix(c.G), mix(c.B), 255
		}
	}
	return out, hidden
}

// Again draws a picture anew as a JPEG, low bits cleared.
func Again(img image.Image) ([]byte, error) {
	clean, _ := settle(img)
	var b bytes.Buffer
	err := jpeg.Encode(&b, clean, &jpeg.Options{Quality: 88})
	return b.Bytes(), err
}

// lowBits reports whether the lowest bits vary where the picture is flat: in a
// plot, neighbours that agree in their upper bits agree in the lower ones too.
func lowBits(src image.Image) bool {
	b := src.Bounds()
	flat, noisy := 0, 0
	prev := color.NRGBA{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(src.At(x, y)).(color.NRGBA)
			if x > b.Min.X && c.R>>3 == prev.R>>3 && c.G>>3 == prev.G>>3 && c.B>>3 == prev.B>>3 {
				flat++
				if c != prev && near(c.R, prev.R) && near(c.G, prev.G) && near(c.B, prev.B) {
					noisy++
				}
			}
			prev = c
		}
	}
	return noisy >= 256 && noisy*10 > flat || noisy >= 64 && longestNoise(src) >= 64
}

func near(a, b uint8) bool { return max(a, b)-min(a, b) <= 3 }

// longestNoise is the longest stretch of a row over which lowest bits vary
// about every second pixel though the upper bits stay: a message put into the
// first pixels of an otherwise flat picture.
func longestNoise(src image.Image) int {
	b := src.Bounds()
	best := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		from, changes := b.Min.X, 0
		base := color.NRGBAModel.Convert(src.At(b.Min.X, y)).(color.NRGBA)
		prev := base
		for x := b.Min.X + 1; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(src.At(x, y)).(color.NRGBA)
			if near(c.R, base.R) && near(c.G, base.G) && near(c.B, base.B) && c.R>>2 == base.R>>2 {
				if c != prev {
					changes++
				}
				if n := x - from; changes*4 >= n && changes >= 24 {
					best = max(best, n)
				}
			} else {
				from, changes, base = x, 0, c
			}
			prev = c
		}
	}
	return best
}
