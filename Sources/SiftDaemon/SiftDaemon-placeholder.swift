import Hummingbird
import TOMLKit
import NIOExtras
