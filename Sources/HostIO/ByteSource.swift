// Bytes that another program writes whenever it likes: a named pipe, or the standard output of a command.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Something that is drained and never waited for.
public protocol ByteSource: Sendable {
  /// Fills `buffer` with bytes that are there. - Returns: their number; 0 when there are none now.
  /// - Throws: when there will be no more.
  func take(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int
}

/// A named pipe. Writers may come and go.
public final class FifoSource: ByteSource {
  private let path: String
  private let descriptor: Int32

  public init(path: String) throws(SysfsError) {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw SysfsError.from(errno: errno, path: path) }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  public func take(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int {
    // 0 bytes: nobody has the other end open just now.
    try drain(descriptor, buffer, path)
  }
}

/// A command run by the shell, ended with this object.
public final class CommandSource: ByteSource {
  private let command: String
  private let descriptor: Int32
  private let process: pid_t

  public init(command: String) throws(SysfsError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SysfsError.from(errno: errno, path: command) }
    let writing = ends[1]
    defer { close(writing) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    do throws(SysfsError) {
      process = try Self.spawn(command, output: writing)
    } catch {
      close(ends[0])
      throw error
    }
    self.command = command
    descriptor = ends[0]
  }

  deinit {
    close(descriptor)
    // Its own process group, so that what the shell started ends too.
    kill(-process, SIGTERM)
    waitpid(process, nil, WNOHANG)
  }

  private static func spawn(_ command: String, output: Int32) throws(SysfsError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    // The calling thread may block signals, and a daemon ignores some: a command that inherited that could not be ended.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    let words: [String] = ["/bin/sh", "-c", command]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { (word: String) in strdup(word) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var child = pid_t()
    let code = posix_spawn(&child, "/bin/sh", &actions, &attributes, &arguments, environ)
    guard code == 0 else { throw SysfsError.from(errno: code, path: command) }
    return child
  }

  public func take(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int {
    let count = try drain(descriptor, buffer, command)
    if count > 0 { return count }
    // Nothing there: is it because the command has ended?
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if poll(&waiting, 1, 0) == 1, waiting.revents & Int16(POLLIN) == 0, waiting.revents & Int16(POLLHUP) != 0 {
      throw .missing(path: command)
    }
    return 0
  }
}

private func drain(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ path: String) throws(SysfsError)
  -> Int
{
  while true {
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    if count >= 0 { return count }
    if errno == EAGAIN || errno == EWOULDBLOCK { return 0 }
    if errno != EINTR { throw SysfsError.from(errno: errno, path: path) }
  }
}
