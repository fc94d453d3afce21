package redoubt.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The checkout as it lies on disk, without what a build or an editor left in it. */
final class Tree {
    private static final Set<String> NOT_OURS =
            Set.of("target", ".git", ".idea", ".vscode", "mvnw", "mvnw.cmd", "LICENSE");

    /** One text file: where it is, seen from the root, and what it says. */
    record Source(Path path, String text) {
        /** The first directory, which for code is the room. */
        String room() {
            return path.getName(0).toString();
        }

        String name() {
            return path.getFileName().toString();
        }

        boolean isJava() {
            return name().endsWith(".java");
        }

        boolean isMain() {
            return path.toString().contains("/src/main/");
        }

        /** The lines with comments, strings and character literals blanked out, so that prose may name what code may not. */
        List<String> code() {
            return blanked(text).lines().toList();
        }

        List<String> lines() {
            return text.lines().toList();
        }
    }

    private Tree() {}

    static Path root() {
        String told = System.getProperty("redoubt.root");
        Path at = Path.of(told == null ? "" : told).toAbsolutePath();
        while (!Files.exists(at.resolve("LICENSE"))) {
            at = Optional.ofNullable(at.getParent())
                    .orElseThrow(() -> new IllegalStateException(
                            "no checkout around " + Path.of("").toAbsolutePath()));
        }
        return at;
    }

    static List<Source> sources() {
        Path root = root();
        List<Source> found = new ArrayList<>();
        try {
            Files.walkFileTree(root, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                    return isOurs(directory) || directory.equals(root)
                            ? FileVisitResult.CONTINUE
                            : FileVisitResult.SKIP_SUBTREE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    if (isOurs(file) && attributes.isRegularFile()) {
                        text(file).ifPresent(text -> found.add(new Source(root.relativize(file), text)));
                    }
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        found.sort((left, right) -> left.path().compareTo(right.path()));
        return found;
    }

    static List<Source> java() {
        return sources().stream().filter(Source::isJava).toList();
    }

    private static boolean isOurs(Path path) {
        return !NOT_OURS.contains(path.getFileName().toString());
    }

    private static Optional<String> text(Path file) throws IOException {
        if (Files.size(file) > 1 << 20) {
            return Optional.empty();
        }
        byte[] bytes = Files.readAllBytes(file);
        for (byte b : bytes) {
            if (b == 0) {
                return Optional.empty();
            }
        }
        try {
            return Optional.of(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(java.nio.ByteBuffer.wrap(bytes))
                    .toString());
        } catch (CharacterCodingException binary) {
            return Optional.empty();
        }
    }

    private static String blanked(String text) {
        StringBuilder out = new StringBuilder(text.length());
        int at = 0;
        while (at < text.length()) {
            int end = at + 1;
            if (text.startsWith("//", at)) {
                end = endOf(text, "\n", at) - 1;
            } else if (text.startsWith("/*", at)) {
                end = endOf(text, "*/", at + 2);
            } else if (text.startsWith("\"\"\"", at)) {
                end = endOf(text, "\"\"\"", at + 3);
            } else if (text.charAt(at) == '"' || text.charAt(at) == '\'') {
                end = endOfLiteral(text, at);
            } else {
                out.append(text.charAt(at));
                at = end;
                continue;
            }
            for (int i = at; i < Math.min(end, text.length()); i++) {
                out.append(text.charAt(i) == '\n' ? '\n' : ' ');
            }
            at = Math.max(end, at + 1);
        }
        return out.toString();
    }

    private static int endOf(String text, String closing, int from) {
        int found = text.indexOf(closing, from);
        return found < 0 ? text.length() + 1 : found + closing.length();
    }

    private static int endOfLiteral(String text, int opening) {
        int at = opening + 1;
        while (at < text.length() && text.charAt(at) != text.charAt(opening) && text.charAt(at) != '\n') {
            at += text.charAt(at) == '\\' ? 2 : 1;
        }
        return at + 1;
    }
}
