// The element types of safetensors: what they are called in files, how wide they are, which the kernels read.

import CExpertKernels

/// An element type by the name that safetensors gives it. Names that this build has not heard of are kept: a tensor of
/// an unknown type is refused when it is used, not when the file is opened.
public struct ElementType: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  public init(name: String) { self.name = name }

  public static let bf16 = ElementType(name: "BF16")
  public static let f16 = ElementType(name: "F16")
  public static let f32 = ElementType(name: "F32")

  /// Bytes an element; nil for types that are unknown or narrower than a byte.
  public var size: Int? {
    switch name {
    case "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ": 1
    case "U16", "I16", "F16", "BF16": 2
    case "U32", "I32", "F32": 4
    case "U64", "I64", "F64", "C64": 8
    default: nil
    }
  }

  /// What the kernels call it; nil when they do not read it.
  public var kernelType: ek_dtype? {
    switch self {
    case .bf16: EK_BF16
    case .f16: EK_F16
    case .f32: EK_F32
    default: nil
    }
  }

  public var description: String { name }
}
