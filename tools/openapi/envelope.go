package openapi

import (
	"fmt"
	"strings"
)

// failure is the envelope of every outcome but success.
func failure(codes []Code) object {
	var enum []any
	var names []string
	var table strings.Builder
	table.WriteString("The result code.\n\n| code | 中文 | English |\n|---|---|---|\n")
	for _, c := range codes {
		if c.Value == 0 {
			continue
		}
		enum = append(enum, c.Value)
		names = append(names, c.Name)
		fmt.Fprintf(&table, "| %d | %s | %s |\n", c.Value, c.Chinese, c.English)
	}
	return object{
		"type":        "object",
		"description": "A business outcome other than success, or a failure of the server.",
		"required":    []string{"result", "message", "data"},
		"properties": object{
			"result":  object{"type": "integer", "enum": enum, "x-enum-varnames": names, "description": table.String()},
			"message": object{"type": "string", "description": "The words of the code. After those of -1012 the field at fault may be named."},
			"data": object{
				"type":        []string{"object", "null"},
				"description": "Null, but for -1016: {code, service, message}, message being the device {uuid, device, deviceName, datetime} that holds the account.",
			},
		},
	}
}

// refusals are the answers to requests that did not come through.
var refusals = object{
	"TooLarge":   refusal("The body is over the limit. Result -1012, on /oss -10202.", nil),
	"TooMany":    refusal("Too many requests from this user or address. Nothing happened. Result -1000.", object{"Retry-After": retryAfter}),
	"Overloaded": refusal("There is too much to do, or there are too many connections. Nothing happened; the request may be sent again as it is. Result -1000.", nil),
}

var retryAfter = object{"description": "In how many seconds the next request may come.", "schema": object{"type": "integer", "minimum": 1}}

func refusal(text string, headers object) object {
	answer := object{"description": text, "content": object{"application/json": object{"schema": ref("Failure")}}}
	if headers != nil {
		answer["headers"] = headers
	}
	return answer
}

var tokenScheme = object{
	"type": "apiKey", "in": "header", "name": "FZM-SIGNATURE",
	"description": "base64(signature) # milliseconds*suffix # hex(public key). Good for 120 seconds around its time; `parley token` prints one.",
}

var headers = object{
	"Uuid":       header("FZM-UUID", "Names the device."),
	"Device":     header("FZM-DEVICE", "Android, IOS, Windows, Linux, MacOS or Web. Another text or none is no mobile device."),
	"DeviceName": header("FZM-DEVICE-NAME", "What the user calls the device."),
	"Version":    header("FZM-VERSION", "Version of the client."),
}

var headerRefs = []object{
	{"$ref": "#/components/parameters/Uuid"},
	{"$ref": "#/components/parameters/Device"},
	{"$ref": "#/components/parameters/DeviceName"},
	{"$ref": "#/components/parameters/Version"},
}

func header(name, text string) object {
	return object{"name": name, "in": "header", "description": text, "schema": object{"type": "string"}}
}
