package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session/memstore"
)

// verbs are all that fmt knows, with flags, and one that it does not.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%+q", "%#q", "%x", "%X", "% x", "%#x", "%d", "%o", "%O", "%b", "%c", "%U", "%#U", "%t", "%e", "%E", "%f", "%g", "%G", "%p", "%T", "%40v", "%z"}

// traces are the forms in which a secret might show.
func traces(secret string) []string {
	b := []byte(secret)
	list := []string{
		secret, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), hex.EncodeToString([]byte(hex.EncodeToString(b))),
		base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b), fmt.Sprintf("%d", b[:8])[1:20],
	}
	for _, verb := range []string{"%v", "%#v", "%q", "%x", "% x", "%d", "%o", "%b", "%c", "%U"} {
		list = append(list, strings.Trim(fmt.Sprintf(verb, b), `[]"{}`))
	}
	return list
}

// searchText fails if text holds a trace of a secret.
func searchText(t *testing.T, where, text string, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		for _, trace := range traces(s) {
			if strings.Contains(text, trace) {
				t.Errorf("%s shows the secret as %q", where, trace)
			}
		}
	}
}

// holder holds keys as applications do.
type holder struct {
	Key     keyring.Key
	Pointer *keyring.Key
	Keyring *keyring.Keyring
	Any     any
	Keys    []keyring.Key
	Map     map[string]any
	hidden  hidden
}

type hidden struct {
	key     keyring.Key
	keyring *keyring.Keyring
	copied  keyring.Keyring
	any     any
	keys    []*keyring.Key
	byKey   map[keyring.Key]*keyring.Keyring
}

// subjects are values of every exported type that has to do with secrets, made from
// every source, and the secrets in them.
func subjects(t *testing.T) (values map[string]any, secrets []string) {
	t.Helper()
	text, old, inFile, raw := newSecret(), newSecret(), newSecret(), string(random(32))
	key, err := keyring.NewKey("v1", []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	env := must(openEnv("SESSION_SECRET="+text, "SESSION_SECRET_OLD="+old))(t)
	path := file(t, jwks(jwk("v2", inFile)))
	fromFile := must(keyring.FromFile(path))(t)
	parsed, err := keyring.ParseKeys([]byte(jwks(jwk("v2", inFile))))
	if err != nil {
		t.Fatal(err)
	}
	static := must(keyring.New(key, parsed[0]))(t)
	ed, ec := newSigner(t, "EdDSA"), newSigner(t, "ES256")
	signs := must(keyring.New(signerKey(t, "v3", ed), signerKey(t, "v4", ec)))(t)
	pairs := must(keyring.FromFile(file(t, jwks(asymmetric(t, "v3", ed), asymmetric(t, "v4", ec)))))(t)
	kek := newSecret()
	inStore := shared(t, new(memstore.Store), kek)
	held := holder{
		key, &key, static, env, parsed, map[string]any{"key": key, "keyring": fromFile},
		hidden{key, static, *env, key, []*keyring.Key{&key}, map[keyring.Key]*keyring.Keyring{key: static}},
	}
	return map[string]any{
		"Key": key, "*Key": &key, "[]Key": parsed, "New": static, "FromEnv": env, "FromFile": fromFile, "FromStore": inStore, "Keyring": *env,
		"List": env.List(), "KeyInfo": env.List()[0], "Live": env.Live(), "Ring": env.Live().Ring(), "ring keys": env.Live().Ring().Keys(),
		"ring key": env.Live().Ring().Keys()[0], "derived ring": env.Live().Ring().Derive("x"), "Env": keyring.FlaskEnv(),
		"struct": held, "*struct": &held, "map": map[string]any{"a": key, "b": static, "c": held}, "map of keys": map[keyring.Key]int{key: 1},
		"slice": []any{key, &key, static, env, held}, "any": any(key), "array": [1]keyring.Key{key}, "func": env.List,
		"NewSigner": signs, "pairs in a file": pairs, "ring of pairs": pairs.Live().Ring().Keys(),
		"error": func() error { _, err := env.Rotate(t.Context()); return err }(),
	}, []string{text, old, inFile, raw, kek, string(secretOf(t, ed)), string(secretOf(t, ec))}
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	values, secrets := subjects(t)
	for name, v := range values {
		for _, verb := range verbs {
			searchText(t, name+" by "+verb, fmt.Sprintf(verb, v), secrets)
		}
		searchText(t, name+" by Sprintln", fmt.Sprintln(v), secrets)
		searchText(t, name+" wrapped", fmt.Errorf("%v %w", v, io.EOF).Error(), secrets)
	}
}

func TestNothingLogsASecret(t *testing.T) {
	t.Parallel()
	values, secrets := subjects(t)
	for name, v := range values {
		var text, lines bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&lines, nil)} {
			log := slog.New(h)
			log.Info("x", "value", v)
			log.With("value", v).WithGroup("g").Info("x", slog.Group("h", "value", v), slog.Any("value", slog.AnyValue(v)))
		}
		searchText(t, name+" by the text handler", text.String(), secrets)
		searchText(t, name+" by the JSON handler", lines.String(), secrets)
	}
}

func TestNothingEncodesASecret(t *testing.T) {
	t.Parallel()
	values, secrets := subjects(t)
	for name, v := range values {
		if data, err := json.Marshal(v); err == nil {
			searchText(t, name+" by encoding/json", string(data), secrets)
		}
		if data, err := xml.Marshal(v); err == nil {
			searchText(t, name+" by encoding/xml", string(data), secrets)
		}
		var data bytes.Buffer
		err := gob.NewEncoder(&data).Encode(v)
		searchText(t, name+" by encoding/gob", data.String(), secrets)
		if err != nil {
			searchText(t, name+" in the error of encoding/gob", err.Error(), secrets)
		}
	}
	for name, v := range map[string]any{"Key": values["Key"], "FromEnv": values["FromEnv"]} {
		if err := gob.NewEncoder(io.Discard).Encode(v); err == nil {
			t.Errorf("%s: encoding/gob encodes it", name)
		}
	}
}

// A Shared holds its KEK in the clear, as the program gave it, and yet no printer,
// logger or encoder in usual use shows it.
func TestSharedHidesItsKEK(t *testing.T) {
	t.Parallel()
	kek := newSecret()
	config := keyring.Shared{Store: new(memstore.Store), KEK: kek}
	for name, v := range map[string]any{"Shared": config, "*Shared": &config, "struct": struct{ Keys keyring.Shared }{config}, "map": map[string]any{"x": config}} {
		for _, verb := range verbs {
			if verb != "%p" { // fmt does not ask the value
				searchText(t, name+" by "+verb, fmt.Sprintf(verb, v), []string{kek})
			}
		}
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", v)
		data, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		searchText(t, name, out.String()+string(data), []string{kek})
	}
}

// What a debugger or a printer that follows every pointer can reach.
func TestNoSecretCanBeReached(t *testing.T) {
	t.Parallel()
	values, secrets := subjects(t)
	for name, v := range values {
		w := walker{seen: map[any]bool{}}
		w.walk(reflect.ValueOf(v))
		if w.count < 3 && name != "func" {
			t.Errorf("%s: walked over %d values only", name, w.count)
		}
		searchText(t, name+" within", strings.Join(w.texts, "\n"), secrets)
	}
	// The walker would find one.
	w := walker{seen: map[any]bool{}}
	w.walk(reflect.ValueOf(struct {
		a *struct{ b map[string][]byte }
	}{&struct{ b map[string][]byte }{map[string][]byte{"x": []byte(secrets[0])}}}))
	if !strings.Contains(strings.Join(w.texts, "\n"), secrets[0]) {
		t.Error("the walker does not find a secret that is there")
	}
}

// walker collects the texts and bytes of everything but functions.
type walker struct {
	seen  map[any]bool
	texts []string
	count int
}

func (w *walker) walk(v reflect.Value) {
	w.count++
	switch v.Kind() {
	case reflect.Pointer, reflect.Map:
		if p := [2]any{v.Pointer(), v.Type()}; v.IsNil() || w.seen[p] {
			return
		} else {
			w.seen[p] = true
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			w.walk(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			w.walk(v.Field(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			w.walk(it.Key())
			w.walk(it.Value())
		}
	case reflect.Slice, reflect.Array:
		var b []byte
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.Uint8 {
				b = append(b, byte(e.Uint()))
			} else {
				w.walk(e)
			}
		}
		w.texts = append(w.texts, string(b))
	case reflect.String:
		w.texts = append(w.texts, v.String())
	}
}

// What they print instead: a kid, and the tags.
func TestKeysPrintAsKIDAndKeyringsAsTags(t *testing.T) {
	t.Parallel()
	key, old := newKey(t, "v2"), newKey(t, "v1")
	k := must(keyring.New(key, old))(t)
	const tags = "keyring(v2 v1)"
	for _, verb := range verbs {
		if verb == "%p" || verb == "%T" { // fmt does not ask the value
			continue
		}
		if got := fmt.Sprintf(verb, key); got != key.String() {
			t.Errorf("%s of a key: got %q, want %q", verb, got, key)
		}
		for _, v := range []any{k, *k} {
			if got := fmt.Sprintf(verb, v); got != tags {
				t.Errorf("%s of a keyring: got %q, want %q", verb, got, tags)
			}
		}
	}
	data, err := json.Marshal(map[string]any{"key": key, "keyring": k, "copy": *k, "none": (*keyring.Keyring)(nil)})
	if want := fmt.Sprintf(`{"copy":%q,"key":%q,"keyring":%q,"none":null}`, tags, key.String(), tags); string(data) != want || err != nil {
		t.Errorf("JSON: got %s, %v, want %s", data, err, want)
	}
	for name, h := range map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		"JSON": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	} {
		var b bytes.Buffer
		slog.New(h(&b, nil)).Info("x", "key", key, "keyring", k)
		if got := b.String(); !strings.Contains(got, key.String()) || !strings.Contains(got, tags) {
			t.Errorf("%s handler: got %s, want the kid and the tags", name, got)
		}
	}
	if got := fmt.Sprint(keyring.Key{}, (*keyring.Keyring)(nil)); got != " <nil>" {
		t.Errorf("zero values: got %q", got)
	}
}
