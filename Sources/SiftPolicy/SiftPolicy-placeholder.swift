// SiftPolicy
