// Files: mapped, read whole, replaced, and refused in words.

import HostIO
import SiftTestKit
import Testing

struct FileTests {
  @Test func `a mapped file shows the bytes that were written`() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
    let file = try MappedFile(path: folder.write("a", bytes))
    file.advise(.wholeSoon)
    #expect(file.count == 10_000)
    #expect(file.bytes.elementsEqual(bytes))
    #expect(file.identity.size == 10_000)
  }

  @Test func `an empty file maps to nothing`() throws {
    let folder = try TemporaryFolder()
    let file = try MappedFile(path: folder.write("empty", ""))
    #expect(file.count == 0 && file.bytes.isEmpty)
  }

  @Test func `a missing file is refused with its path and the system's words`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("nothing")
    let error = #expect(throws: FileError.self) { try MappedFile(path: path) }
    #expect(error?.isMissing == true)
    #expect(error?.description == "cannot open \(path): No such file or directory")
  }

  @Test func `a folder is not a file`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: FileError.self) { try MappedFile(path: folder.path) }
    #expect(error?.reason == "it is a folder")
    #expect(throws: FileError.self) { try readSmallFile(folder.path, limit: 10) }
  }

  @Test func `a device is not a file`() {
    #expect(throws: FileError.self) { try readSmallFile("/dev/zero", limit: 10) }
  }

  @Test func `a path with a zero byte opens nothing else`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", "text")
    #expect(throws: FileError.self) { try readSmallFile(path + "\0.json", limit: 10) }
  }

  @Test func `a file beyond the limit is refused with both sizes`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", "0123456789")
    #expect(try readSmallFile(path, limit: 10) == Array("0123456789".utf8))
    let error = #expect(throws: FileError.self) { try readSmallFile(path, limit: 9) }
    #expect(error?.reason == "it has 10 bytes, more than the 9 allowed")
  }

  @Test func `replacing a file leaves the new bytes and nothing beside it`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", "old and longer")
    try replaceFile(path, with: Array("new".utf8))
    #expect(try readSmallFile(path, limit: 100) == Array("new".utf8))
    #expect(throws: FileError.self) { try replaceFile(folder.file("no/such/folder"), with: []) }
  }

  @Test func `a mapping outlives the name of its file`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", "kept")
    let file = try MappedFile(path: path)
    try replaceFile(path, with: Array("gone".utf8))
    #expect(file.bytes.elementsEqual("kept".utf8))
  }
}
