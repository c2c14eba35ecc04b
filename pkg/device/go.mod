module weir/pkg/device

go 1.26.8
