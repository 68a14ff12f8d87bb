// Four prompts for demonstrations: kinds of text that the reference model knows.

/// Prompts of four kinds: scripture, a novel, a manual, program text.
public enum DemoPrompts {
  public static let all = [
    "1 In the beginning God created the heaven and the earth.\n2 And",
    "It was a truth which Elizabeth could not",
    "The return value is a pointer to",
    "// Read reads up to len(p) bytes into p. It returns",
  ]
}
