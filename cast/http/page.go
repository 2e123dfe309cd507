package http

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/camcast/camcast/cast"
)

// pageFiles are the page at /, and what it loads.
//
//go:embed page
var pageFiles embed.FS

// pageFolder is where what the page loads is.
const pageFolder = "/page/"

// contentSecurity is what the page may do: load what is this server's, and show streams that its script fetches.
const contentSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// asset is a file of the page.
type asset struct {
	bytes            []byte
	contentType, tag string
}

// contentTypes are those of the page's files, which the machine's own tables may have otherwise.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// newPage is the page's files, by their paths.
func newPage() map[string]*asset {
	page := map[string]*asset{}
	entries, _ := pageFiles.ReadDir("page") // it is embedded
	for _, e := range entries {
		p, _ := pageFiles.ReadFile("page/" + e.Name())
		sum := sha256.Sum256(p)
		one := &asset{bytes: p, contentType: contentTypes[path.Ext(e.Name())], tag: `"` + hex.EncodeToString(sum[:8]) + `"`}
		page[pageFolder+e.Name()] = one
	}
	const index = pageFolder + "index.html" // what it loads is named as seen from /
	page["/"] = page[index]
	delete(page, index)
	return page
}

// servePage answers with the page, or a file that it loads. Where there are passwords the page asks for one: what
// it loads holds no secret, and is the same for all.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	one := s.site.page[r.URL.Path]
	if one == nil {
		http.Error(w, "the page has no such file", http.StatusNotFound)
		return
	}
	if strings.HasPrefix(one.contentType, "text/html") && !s.askedNow(w, r, toEnter, func(cast.Grant) error { return nil }) {
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", contentSecurity)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", one.tag)
	h.Set("Content-Type", one.contentType)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(one.bytes))
}
