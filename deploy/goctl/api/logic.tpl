package {{.pkgName}}

import (
	{{.imports}}
	"parley/pkg/fault"
)

// {{.logic}} answers{{if .hasDoc}} {{slice .doc 3}}{{else}} one route{{end}}.
type {{.logic}} struct {
	ctx    context.Context
	svcCtx *svc.ServiceContext
}

// New{{.logic}} returns the logic of one request.
func New{{.logic}}(ctx context.Context, svcCtx *svc.ServiceContext) *{{.logic}} {
	return &{{.logic}}{ctx: ctx, svcCtx: svcCtx}
}

// {{.function}} answers Unsupported until there is a service that it can call.
func (l *{{.logic}}) {{.function}}({{.request}}) {{.responseType}} {
	return {{if eq .returnString "return"}}nil, {{end}}fault.Unsupported
}
