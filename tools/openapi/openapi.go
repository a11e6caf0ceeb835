// Package openapi describes the routes of the .api contracts as one OpenAPI
// 3.1 document. The contracts say which routes and fields there are; this
// package adds what they cannot say: the envelope, the token, the aliases, and
// where clients may send something else than the contract demands.
//
// It describes what a gateway accepts, not what it merely tolerates: unknown
// fields are ignored, for example, and nobody should rely on that.
package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zeromicro/go-zero/tools/goctl/api/spec"
)

// object is a JSON object. encoding/json sorts its keys, which makes the
// document the same on every run.
type object = map[string]any

const description = `The HTTP routes of Parley, an instant messenger.

Every answer is an envelope ` + "`{\"result\", \"message\", \"data\"}`" + ` with HTTP status 200, whatever the outcome; other statuses mean that
the request itself did not come through. The words in ` + "`message`" + ` follow Accept-Language: Chinese, or English on request.

The messages of the WebSocket at /sub and the files of /record/push and /record/push2 are protobuf, see api/proto/wire.`

// Generate returns the document for all routes of specs as indented JSON.
func Generate(specs []*spec.ApiSpec, codes []Code) ([]byte, error) {
	g := generator{paths: object{}, schemas: object{"Failure": failure(codes)}}
	for _, s := range specs {
		if err := g.know(s.Types); err != nil {
			return nil, err
		}
	}
	for _, s := range specs {
		for _, group := range s.Service.Groups {
			for _, route := range group.Routes {
				if err := g.route(group.GetAnnotation("group"), route); err != nil {
					return nil, fmt.Errorf("describe %s: %w", route.Path, err)
				}
			}
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(object{
		"openapi":  "3.1.0",
		"info":     object{"title": "Parley", "version": "1", "description": description},
		"security": []object{{"token": []string{}}},
		"paths":    g.paths,
		"components": object{
			"schemas":         g.schemas,
			"parameters":      headers,
			"responses":       refusals,
			"securitySchemes": object{"token": tokenScheme},
		},
	})
	return b.Bytes(), err
}

type generator struct {
	types   map[string]spec.DefineStruct
	paths   object
	schemas object
}

// know remembers the structs by name: within a field goctl gives no more than
// the name. Names are shared by all contracts, as they are in the document.
func (g *generator) know(types []spec.Type) error {
	if g.types == nil {
		g.types = map[string]spec.DefineStruct{}
	}
	for _, t := range types {
		s, ok := t.(spec.DefineStruct)
		if !ok {
			continue
		}
		if _, twice := g.types[s.RawName]; twice {
			return fmt.Errorf("type %s is defined twice", s.RawName)
		}
		g.types[s.RawName] = s
	}
	return nil
}

// route adds the operation of r under its path, and under the other paths and
// methods by which clients reach it.
func (g *generator) route(tag string, r spec.Route) error {
	op, err := g.operation(tag, r)
	if err != nil {
		return err
	}
	method := strings.ToLower(r.Method)
	item := object{method: op}
	if alsoGet[r.Path] {
		item["get"] = alias(op, "Get", "The same with GET.")
	}
	g.paths[r.Path] = item
	if tag == "call" {
		g.paths["/call"+r.Path] = object{method: alias(op, "Prefixed", "The same as "+r.Path+".")}
	}
	return nil
}

func (g *generator) operation(tag string, r spec.Route) (object, error) {
	response, err := g.response(r)
	if err != nil {
		return nil, err
	}
	op := object{
		"operationId": strings.ToLower(r.Handler[:1]) + r.Handler[1:],
		"summary":     strings.Trim(r.JoinedDoc(), `"`),
		"tags":        []string{tag},
		"parameters":  headerRefs,
		"responses": object{
			"200": response,
			"413": object{"$ref": "#/components/responses/TooLarge"},
			"429": object{"$ref": "#/components/responses/TooMany"},
			"503": object{"$ref": "#/components/responses/Overloaded"},
		},
	}
	body, err := g.requestBody(r)
	if body != nil {
		op["requestBody"] = body
	}
	return op, err
}

// alias is a copy of op that has an id and a description of its own.
func alias(op object, suffix, text string) object {
	a := object{}
	for k, v := range op {
		a[k] = v
	}
	a["operationId"] = op["operationId"].(string) + suffix
	a["description"] = text
	return a
}

// response is the envelope around the response type of r.
func (g *generator) response(r spec.Route) (object, error) {
	t, ok := r.ResponseType.(spec.DefineStruct)
	if !ok {
		return nil, fmt.Errorf("response is %T, not a struct", r.ResponseType)
	}
	if err := g.define(t, false); err != nil {
		return nil, err
	}
	success := object{
		"type":     "object",
		"required": []string{"result", "message", "data"},
		"properties": object{
			"result":  object{"const": 0},
			"message": object{"const": "OK"},
			"data":    ref(t.RawName),
		},
	}
	return object{
		"description": "The outcome.",
		"content":     object{"application/json": object{"schema": object{"oneOf": []object{success, ref("Failure")}}}},
	}, nil
}

// requestBody is how the request type of r is sent: as JSON, as a form where
// all its fields have a form name, as multipart where it has a file.
func (g *generator) requestBody(r spec.Route) (object, error) {
	t, ok := r.RequestType.(spec.DefineStruct)
	if !ok {
		return nil, fmt.Errorf("request is %T, not a struct", r.RequestType)
	}
	fields, err := g.fieldsOf(t)
	if err != nil {
		return nil, err
	}
	if part, ok := fileParts[t.RawName]; ok {
		form, err := g.structSchema(t, "form", true)
		if err != nil {
			return nil, err
		}
		part.addTo(form)
		return object{"required": true, "content": object{"multipart/form-data": object{"schema": form}}}, nil
	}
	if len(fields) == 0 {
		return nil, nil
	}
	if err := g.define(t, true); err != nil {
		return nil, err
	}
	schema := ref(t.RawName)
	content := object{"application/json": object{"schema": schema}}
	if allHave(fields, "form") {
		content["application/x-www-form-urlencoded"] = object{"schema": schema}
		content["multipart/form-data"] = object{"schema": schema}
	}
	return object{"required": demands(g.schemas[t.RawName].(object)), "content": content}, nil
}

// demands reports whether a body is needed at all: an empty one is fine where
// all fields are optional.
func demands(schema object) bool {
	return schema["required"] != nil || schema["anyOf"] != nil
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }
