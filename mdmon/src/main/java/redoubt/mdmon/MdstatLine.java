package redoubt.mdmon;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An array of a container as {@code mdstat} tells of it. Everything else in there is passed over.
 *
 * @param name such as md126
 * @param container in whose metadata it is
 * @param index its number there
 * @param level such as raid1
 */
record MdstatLine(String name, String container, int index, String level) {

    private static final String SUPER = "super";
    private static final String EXTERNAL = "external:";

    /** The arrays that run and are part of a container. */
    static List<MdstatLine> parse(String mdstat) {
        List<MdstatLine> found = new ArrayList<>();
        String[] head = {};
        for (String line : mdstat.lines().toList()) {
            String[] words = line.strip().split("\\s+", -1);
            if (!line.startsWith(" ")) {
                head = words;
            } else {
                version(words).flatMap(subarray(head)).ifPresent(found::add);
            }
        }
        return found;
    }

    private static Optional<String> version(String[] words) {
        for (int i = 0; i + 1 < words.length; i++) {
            if (words[i].equals(SUPER)) {
                return Optional.of(words[i + 1]);
            }
        }
        return Optional.empty();
    }

    /** The head of an entry reads {@code NAME : active [(read-only)] LEVEL DEVICE[N]...}. */
    private static java.util.function.Function<String, Optional<MdstatLine>> subarray(String[] head) {
        return version -> {
            boolean active = head.length > 3 && head[1].equals(":") && head[2].equals("active");
            int level = active && head[3].startsWith("(") ? 4 : 3;
            int slash = version.indexOf('/', EXTERNAL.length() + 1);
            boolean inContainer = version.startsWith(EXTERNAL + '/') || version.startsWith(EXTERNAL + '-');
            if (!active || head.length <= level || !inContainer || slash < 0) {
                return Optional.empty();
            }
            String index = version.substring(slash + 1);
            if (!index.matches("[0-9]{1,4}")) {
                return Optional.empty();
            }
            return Optional.of(new MdstatLine(
                    head[0], version.substring(EXTERNAL.length() + 1, slash), Integer.parseInt(index), head[level]));
        };
    }
}
