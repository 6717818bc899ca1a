package browser_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// maxPicture is how large the picture of the README may be, in bytes.
const maxPicture = 120_000

// picture takes the picture of the README, dashboard.png: the page from its top to the
// charts, in the light.
func (o *office) picture(b *tab) {
	o.Helper()
	b.prefer("light")
	do(b, chromedp.EmulateViewport(1000, 800))
	b.visit(o.url)
	var height float64
	fmt.Sscan(b.text(`document.getElementById("charts").getBoundingClientRect().bottom`), &height)
	shot := do(b, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		r, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{
			CaptureBeyondViewport: ptr(true), Clip: &page.Viewport{Width: 1000, Height: height + 8, Scale: 1},
		})
		return r.Data, err
	})
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		o.Fatal(err)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, fewColors(img)); err != nil || small.Len() > maxPicture {
		o.Fatalf("got a picture of %d bytes, %v, want %d at most", small.Len(), err, maxPicture)
	}
	if err := os.WriteFile(filepath.Join(screenshotFolder(o.T), "dashboard.png"), small.Bytes(), 0o600); err != nil {
		o.Fatal(err)
	}
}

// fewColors returns img in its 256 most frequent colors.
func fewColors(img image.Image) image.Image {
	size, often := img.Bounds(), map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			often[at(x, y)]++
		}
	}
	var colors color.Palette
	for _, c := range slices.SortedFunc(maps.Keys(often), func(a, b color.RGBA) int { return cmp.Compare(often[b], often[a]) }) {
		if len(colors) < 256 {
			colors = append(colors, c)
		}
	}
	few, nearest := image.NewPaletted(size, colors), map[color.RGBA]uint8{}
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			c := at(x, y)
			if _, known := nearest[c]; !known {
				nearest[c] = uint8(colors.Index(c))
			}
			few.SetColorIndex(x, y, nearest[c])
		}
	}
	return few
}
