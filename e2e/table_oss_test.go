package e2e

import "parley/pkg/fault"

// The fields that name an object of alice, as JSON and as parts.
const ofAlice = `"appId":"dtalk","key":"$alice/`

func inApp(key string, more ...part) parts {
	return append(parts{{name: "appId", content: "dtalk"}, {name: "key", content: key}}, more...)
}

func textPart(name, content string) part { return part{name: name, content: content} }

// theFile is the file of the rows, and the ETag of it.
var theFile = file("file", "content")

const (
	theETag = "9a0364b9e99bb480dd25e1f0284c8555"
	stored  = "http://127.0.0.1:#/oss/objects/dtalk/"
)

// at is the answer to an upload of a key that is escaped as it is.
func at(key string) string {
	return `{"url":"` + stored + key + `","uri":"/oss/objects/dtalk/` + key + `"}`
}

// begun makes uploads in parts, each of a key with its name and with part 1, of
// theFile. They are alice's.
func begun(names ...string) func(*scene) {
	return func(s *scene) {
		for _, name := range names {
			o := inDtalk(string(s.alice.uid()) + "/" + name)
			upload := s.alice.begin(o)
			s.alice.part(o, upload, 1, []byte(theFile.content)).want(s.t, fault.OK)
			s.name(name, upload)
		}
	}
}

// notHere are rows of a route that names an object, for what nobody configured and
// for keys that no provider gets. encode makes the body.
func notHere(encode func(app, provider, key string) body) []row {
	rows := []row{
		{name: "an app that nobody configured", body: encode("other", "", "$alice/x"), result: fault.Unsupported},
		{name: "a provider that is not configured", body: encode("dtalk", "minio", "$alice/x"), result: fault.Unsupported},
		{name: "the local store by its name", body: encode("dtalk", "local", "$alice/x"), result: fault.BadRequest, field: "ossType"},
	}
	for name, key := range badKeys {
		rows = append(rows, row{name: name, body: encode("dtalk", "", key), result: fault.BadKey})
	}
	return rows
}

// badKeys are keys that no provider gets; those that JSON can spell as they are.
var badKeys = map[string]string{
	"a blank key":                " ",
	"a key of 1025 bytes":        long(1025),
	"a key that goes up":         "a/../b",
	"a key that is dots":         "..",
	"a key with a leading slash": "/a",
}

func inJSON(more string) func(app, provider, key string) body {
	return func(app, provider, key string) body {
		return jsonText(`{"appId":"` + app + `","ossType":"` + provider + `","key":"` + key + `"` + more + `}`)
	}
}

func inParts(more ...part) func(app, provider, key string) body {
	return func(app, provider, key string) body {
		return append(parts{textPart("appId", app), textPart("ossType", provider), textPart("key", key)}, more...)
	}
}

var ossTables = []table{
	{route: "/oss/get-token", get: true, good: nothing{}, bare: true, result: fault.Unsupported, rows: noTokens},
	{route: "/oss/get-huaweiyun-token", get: true, good: nothing{}, bare: true, result: fault.Unsupported, rows: noTokens},
	{
		route: "/oss/get-host",
		good:  jsonText(`{"appId":"dtalk"}`),
		rows: []row{
			{name: "the store of the app", data: host},
			{name: "a form", body: form{"appId": "dtalk"}, data: host},
			{name: "parts", body: parts{textPart("appId", "dtalk")}, data: host},
			{name: "an empty provider", body: jsonText(`{"appId":"dtalk","ossType":""}`), data: host},
			{name: "a provider that is not configured", body: jsonText(`{"appId":"dtalk","ossType":"minio"}`), result: fault.Unsupported},
			{name: "an app that nobody configured", body: jsonText(`{"appId":"other"}`), result: fault.Unsupported},
			wrong("appId", `{}`),
			wrong("appId", `{"appId":1}`),
			wrong("ossType", `{"appId":"dtalk","ossType":"local"}`),
			{name: "a form without appId", body: form{"ossType": "minio"}, result: fault.BadRequest, field: "appId"},
		},
	},
	{
		route: "/oss/upload",
		good:  inApp("$alice/a.png", theFile),
		rows: append(notHere(inParts(theFile)), []row{
			{name: "the fields first", data: at("$alice/a.png")},
			{name: "the file first", body: parts{theFile, textPart("key", "$alice/b.png"), textPart("appId", "dtalk")}, data: at("$alice/b.png")},
			{name: "the owner overwrites it", body: inApp("$alice/a.png", file("file", "other")), data: at("$alice/a.png")},
			{name: "somebody else does not", from: byBob, result: fault.Forbidden},
			{name: "an empty file", body: inApp("$alice/c.png", file("file", "")), result: fault.Failed},
			{name: "an empty file first", body: parts{file("file", ""), textPart("key", "$alice/c.png"), textPart("appId", "dtalk")}, result: fault.Failed},
			{name: "without a file", body: inApp("$alice/c.png"), result: fault.BadRequest, field: "file"},
			{name: "two files", body: inApp("$alice/c.png", theFile, theFile), result: fault.BadRequest, field: "file"},
			{name: "without a key", body: parts{textPart("appId", "dtalk"), theFile}, result: fault.BadRequest, field: "key"},
			{name: "without appId, the file first", body: parts{theFile, textPart("key", "$alice/c.png")}, result: fault.BadRequest, field: "appId"},
			{name: "a backslash", body: inApp(`a\b`, theFile), result: fault.BadKey},
		}...),
	},
	{
		route: "/oss/init-multipart-upload",
		set:   func(s *scene) { s.bob.begin(inDtalk(string(s.bob.uid()) + "/bobs")) },
		good:  jsonText(`{` + ofAlice + `init.png"}`),
		rows: append(notHere(inJSON("")), []row{
			{name: "JSON", data: `{"uploadId":"@","key":"$alice/init.png"}`},
			{name: "a form", body: form{"appId": "dtalk", "key": "$alice/init.png"}, data: `{"uploadId":"@","key":"$alice/init.png"}`},
			{name: "parts", body: inApp("$alice/init.png"), data: `{"uploadId":"@","key":"$alice/init.png"}`},
			{name: "a key that somebody else has claimed", body: jsonText(`{"appId":"dtalk","key":"$bob/bobs"}`), result: fault.Forbidden},
			wrong("key", `{"appId":"dtalk"}`),
			wrong("appId", `{"key":"a.png"}`),
			wrong("key", `{"appId":"dtalk","key":1}`),
		}...),
	},
	{
		route: "/oss/upload-part",
		set:   begun("open"),
		good:  inApp("$alice/open", textPart("uploadId", "$open"), textPart("partNumber", "1"), theFile),
		rows: append(notHere(inParts(textPart("uploadId", "$open"), textPart("partNumber", "1"), theFile)), []row{
			{name: "the fields first", data: partAnswer("1")},
			{name: "the file first", body: append(parts{theFile}, inApp("$alice/open", textPart("uploadId", "$open"), textPart("partNumber", "10000"))...), data: partAnswer("10000")},
			{name: "part 0", body: inApp("$alice/open", textPart("uploadId", "$open"), textPart("partNumber", "0"), theFile), result: fault.BadRequest, field: "partNumber"},
			{name: "part 10001", body: inApp("$alice/open", textPart("uploadId", "$open"), textPart("partNumber", "10001"), theFile), result: fault.BadRequest, field: "partNumber"},
			{name: "an empty part", body: inApp("$alice/open", textPart("uploadId", "$open"), textPart("partNumber", "2"), file("file", "")), result: fault.Failed},
			{name: "without uploadId, the file first", body: append(parts{theFile}, inApp("$alice/open", textPart("partNumber", "1"))...), result: fault.BadRequest, field: "uploadId"},
			{name: "an unknown upload", body: inApp("$alice/open", textPart("uploadId", "u"), textPart("partNumber", "1"), theFile), result: fault.NotFound},
			{name: "another key", body: inApp("$alice/other", textPart("uploadId", "$open"), textPart("partNumber", "1"), theFile), result: fault.BadRequest, field: "key"},
			{name: "somebody else", from: byBob, result: fault.Forbidden},
		}...),
	},
	{
		route: "/oss/complete-multipart-upload",
		set:   begun("one", "two", "three", "none", "null", "absent", "open"),
		good:  jsonText(`{` + ofAlice + `one","uploadId":"$one","parts":` + listed + `}`),
		rows: append(notHere(inJSON(`,"uploadId":"$open","parts":`+listed)), []row{
			{name: "somebody else", from: byBob, result: fault.Forbidden},
			{name: "ETag", data: at("$alice/one")},
			{name: "the same once more", data: at("$alice/one")},
			{name: "other parts than before", body: jsonText(`{` + ofAlice + `one","uploadId":"$one"}`), result: fault.BadRequest, field: "parts"},
			{name: "Etag", body: jsonText(`{` + ofAlice + `two","uploadId":"$two","parts":[{"Etag":"` + theETag + `","partNumber":1}]}`), data: at("$alice/two")},
			{name: "etag", body: jsonText(`{` + ofAlice + `three","uploadId":"$three","parts":[{"etag":"` + theETag + `","partNumber":1}]}`), data: at("$alice/three")},
			{name: "no part", body: jsonText(`{` + ofAlice + `none","uploadId":"$none","parts":[]}`), data: at("$alice/none")},
			{name: "null parts", body: jsonText(`{` + ofAlice + `null","uploadId":"$null","parts":null}`), data: at("$alice/null")},
			{name: "without parts", body: jsonText(`{` + ofAlice + `absent","uploadId":"$absent"}`), data: at("$alice/absent")},
			{name: "an unknown upload", body: jsonText(`{` + ofAlice + `open","uploadId":"u"}`), result: fault.NotFound},
			{name: "another key", body: jsonText(`{` + ofAlice + `other","uploadId":"$open","parts":` + listed + `}`), result: fault.BadRequest, field: "key"},
			{name: "a part that was not uploaded", body: jsonText(`{` + ofAlice + `open","uploadId":"$open","parts":[{"ETag":"` + theETag + `","partNumber":2}]}`), result: fault.BadRequest, field: "parts"},
			{name: "another ETag", body: jsonText(`{` + ofAlice + `open","uploadId":"$open","parts":[{"ETag":"e","partNumber":1}]}`), result: fault.BadRequest, field: "parts"},
			{name: "a part twice", body: jsonText(`{` + ofAlice + `open","uploadId":"$open","parts":[{"ETag":"` + theETag + `","partNumber":1},{"ETag":"` + theETag + `","partNumber":1}]}`), result: fault.BadRequest, field: "parts"},
			wrong("uploadId", `{`+ofAlice+`open"}`),
			wrong("parts[0].ETag", `{`+ofAlice+`open","uploadId":"$open","parts":[{"partNumber":1}]}`),
			wrong("parts[1].partNumber", `{`+ofAlice+`open","uploadId":"$open","parts":[{"ETag":"e","partNumber":1},{"ETag":"e","partNumber":10001}]}`),
			wrong("parts", `{`+ofAlice+`open","uploadId":"$open","parts":{}}`),
		}...),
	},
	{
		route: "/oss/abort-multipart-upload",
		set:   begun("open", "second"),
		good:  jsonText(`{` + ofAlice + `open","uploadId":"$open"}`),
		rows: append(notHere(inJSON(`,"uploadId":"$open"`)), []row{
			{name: "somebody else", from: byBob, result: fault.Forbidden},
			{name: "another key", body: jsonText(`{` + ofAlice + `other","uploadId":"$open"}`), result: fault.BadRequest, field: "key"},
			{name: "JSON"},
			{name: "once more"},
			{name: "a form", body: form{"appId": "dtalk", "key": "$alice/second", "uploadId": "$second"}},
			{name: "an unknown upload", body: jsonText(`{` + ofAlice + `open","uploadId":"u"}`)},
			wrong("uploadId", `{`+ofAlice+`open"}`),
			wrong("key", `{"appId":"dtalk","uploadId":"u"}`),
			wrong("appId", `{"key":"a.png","uploadId":"u"}`),
		}...),
	},
}

// noTokens are the rows of a route for temporary keys where none can be had.
var noTokens = []row{
	{name: "not configured", result: fault.Unsupported},
	{name: "not configured, in English", headers: english, result: fault.Unsupported},
	{name: "GET", method: "GET", result: fault.Unsupported},
	{name: "an empty object", body: jsonText(`{}`), result: fault.Unsupported},
	wrong("body", `{`),
}

const (
	host   = `{"host":"http://127.0.0.1:#/oss/objects/dtalk"}`
	listed = `[{"ETag":"` + theETag + `","partNumber":1}]`
)

func partAnswer(number string) string {
	return `{"ETag":"` + theETag + `","partNumber":` + number + `,"uploadId":"$open","key":"$alice/open"}`
}
