package e2e

import "parley/pkg/fault"

// The fields that name an object.
const object = `"appId":"dtalk","key":"2022/06/$alice.png"`

var ossTables = []table{
	{route: "/oss/get-token", get: true, good: nothing{}, bare: true, rows: []row{passes("an empty object", jsonText(`{}`)), wrong("body", `{`)}},
	{route: "/oss/get-huaweiyun-token", get: true, good: nothing{}, bare: true, rows: []row{passes("an empty object", jsonText(`{}`)), wrong("body", `{`)}},
	{
		route: "/oss/get-host",
		good:  jsonText(`{"appId":"dtalk"}`),
		rows: []row{
			passes("a form", form{"appId": "dtalk"}),
			passes("parts", parts{{name: "appId", content: "dtalk"}}),
			passes("an empty provider", jsonText(`{"appId":"dtalk","ossType":""}`)),
			passes("a provider", jsonText(`{"appId":"dtalk","ossType":"minio"}`)),
			wrong("appId", `{}`),
			wrong("appId", `{"appId":1}`),
			wrong("ossType", `{"appId":"dtalk","ossType":"local"}`),
			{name: "a form without appId", body: form{"ossType": "minio"}, result: fault.BadRequest, field: "appId"},
		},
	},
	{
		route: "/oss/upload",
		good:  parts{{name: "appId", content: "dtalk"}, {name: "key", content: "a.png"}, file("file", "content")},
		rows: []row{
			passes("the file first", parts{file("file", "content"), {name: "key", content: "a.png"}, {name: "appId", content: "dtalk"}}),
			{name: "without a key", body: parts{{name: "appId", content: "dtalk"}, file("file", "content")}, result: fault.BadRequest, field: "key"},
			{name: "without appId, the file first", body: parts{file("file", "content"), {name: "key", content: "a.png"}}, result: fault.BadRequest, field: "appId"},
			{name: "a provider that there is not", body: parts{{name: "ossType", content: "local"}, {name: "appId", content: "dtalk"}, {name: "key", content: "a.png"}, file("file", "content")}, result: fault.BadRequest, field: "ossType"},
		},
	},
	{
		route: "/oss/init-multipart-upload",
		good:  jsonText(`{` + object + `}`),
		rows: []row{
			passes("a form", form{"appId": "dtalk", "key": "a.png"}),
			passes("parts", parts{{name: "appId", content: "dtalk"}, {name: "key", content: "a.png"}}),
			wrong("key", `{"appId":"dtalk"}`),
			wrong("appId", `{"key":"a.png"}`),
			wrong("key", `{"appId":"dtalk","key":1}`),
		},
	},
	{
		route: "/oss/upload-part",
		good:  parts{{name: "appId", content: "dtalk"}, {name: "key", content: "a.png"}, {name: "uploadId", content: "u"}, {name: "partNumber", content: "1"}, file("file", "content")},
		rows: []row{
			passes("the file first", parts{file("file", "content"), {name: "partNumber", content: "10000"}, {name: "uploadId", content: "u"}, {name: "key", content: "a.png"}, {name: "appId", content: "dtalk"}}),
			{name: "part 0", body: parts{{name: "appId", content: "dtalk"}, {name: "key", content: "a.png"}, {name: "uploadId", content: "u"}, {name: "partNumber", content: "0"}, file("file", "content")}, result: fault.BadRequest, field: "partNumber"},
			{name: "part 10001", body: parts{{name: "appId", content: "dtalk"}, {name: "key", content: "a.png"}, {name: "uploadId", content: "u"}, {name: "partNumber", content: "10001"}, file("file", "content")}, result: fault.BadRequest, field: "partNumber"},
			{name: "without uploadId, the file first", body: parts{file("file", "content"), {name: "appId", content: "dtalk"}, {name: "key", content: "a.png"}, {name: "partNumber", content: "1"}}, result: fault.BadRequest, field: "uploadId"},
		},
	},
	{
		route: "/oss/complete-multipart-upload",
		good:  jsonText(`{` + object + `,"uploadId":"u","parts":[{"ETag":"e","partNumber":1}]}`),
		rows: []row{
			passes("Etag", jsonText(`{`+object+`,"uploadId":"u","parts":[{"Etag":"e","partNumber":1}]}`)),
			passes("etag", jsonText(`{`+object+`,"uploadId":"u","parts":[{"etag":"e","partNumber":1}]}`)),
			passes("no part", jsonText(`{`+object+`,"uploadId":"u","parts":[]}`)),
			passes("null parts", jsonText(`{`+object+`,"uploadId":"u","parts":null}`)),
			passes("without parts", jsonText(`{`+object+`,"uploadId":"u"}`)),
			wrong("uploadId", `{`+object+`}`),
			wrong("parts[0].ETag", `{`+object+`,"uploadId":"u","parts":[{"partNumber":1}]}`),
			wrong("parts[1].partNumber", `{`+object+`,"uploadId":"u","parts":[{"ETag":"e","partNumber":1},{"ETag":"e","partNumber":10001}]}`),
			wrong("parts", `{`+object+`,"uploadId":"u","parts":{}}`),
		},
	},
	{
		route: "/oss/abort-multipart-upload",
		good:  jsonText(`{` + object + `,"uploadId":"u"}`),
		rows: []row{
			passes("a form", form{"appId": "dtalk", "key": "a.png", "uploadId": "u"}),
			wrong("uploadId", `{`+object+`}`),
			wrong("key", `{"appId":"dtalk","uploadId":"u"}`),
			wrong("appId", `{"key":"a.png","uploadId":"u"}`),
		},
	},
}
