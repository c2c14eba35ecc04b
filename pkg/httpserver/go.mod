module weir/pkg/httpserver

go 1.26.8
