package client

import (
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
)

// UploadForm sends fields and then files, as the parts "files" of a form.
func (c *Client) UploadForm(ctx context.Context, path string, fields map[string]string, files []string, out any) error {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() { w.CloseWithError(writeFields(form, fields, files)) }()
	return c.call(ctx, http.MethodPost, path, form.FormDataContentType(), r, out)
}

func writeFields(form *multipart.Writer, fields map[string]string, files []string) error {
	for k, v := range fields {
		if err := form.WriteField(k, v); err != nil {
			return err
		}
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		part, err := form.CreateFormFile("files", filepath.Base(name))
		if err == nil {
			_, err = io.Copy(part, f)
		}
		f.Close()
		if err != nil {
			return err
		}
	}
	return form.Close()
}
