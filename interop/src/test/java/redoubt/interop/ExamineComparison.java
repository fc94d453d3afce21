package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Holds what mdadm prints of a disk against what {@code redoubt examine --json} says of it. Every label of mdadm's must have
 * its field, under the same words in lower case, and the same value; only the form may differ: mdadm counts sectors and
 * writes hexadecimal and local time, JSON has bytes, integers and RFC 3339.
 */
final class ExamineComparison {
    private static final DateTimeFormatter MDADM_TIME =
            DateTimeFormatter.ofPattern("EEE MMM d HH:mm:ss uuuu", Locale.ROOT).withZone(ZoneOffset.UTC);

    private static final Set<String> IN_SECTORS = Set.of(
            "Usable Size",
            "Array Size",
            "Per Dev Size",
            "Sector Offset",
            "Avail Dev Size",
            "Used Dev Size",
            "Data Offset",
            "Super Offset");

    private static final Set<String> TIMES = Set.of("Creation Time", "Update Time");
    private static final String KIBIBYTES = " KiB";

    /** md 0.90 counts them in KiB and does not say so. */
    private static final Set<String> IN_KIBIBYTES_ONCE = Set.of("Used Dev Size", "Array Size");

    private final String what;
    private int compared;

    private ExamineComparison(String what) {
        this.what = what;
    }

    /**
     * Compares all fields; returns how many.
     *
     * @param sectorBytes in which mdadm counts on this disk; of a spare it does not say it itself
     */
    static int assertAgree(String what, MdadmExamine theirs, JsonNode ours, int sectorBytes) {
        ExamineComparison comparison = new ExamineComparison(what);
        comparison.section("container", theirs.container(), ours.get("container"), 512);
        assertThat(ours.get("volumes").size())
                .as(what + ": volumes")
                .isEqualTo(theirs.volumes().size());
        for (int i = 0; i < theirs.volumes().size(); i++) {
            comparison.section(
                    "volume " + i, theirs.volumes().get(i), ours.get("volumes").get(i), sectorBytes);
        }
        theirs.disks()
                .forEach((index, fields) -> comparison.section(
                        "disk " + index, fields, disk(ours.get("disks"), index, fields.get("Serial")), sectorBytes));
        return comparison.compared;
    }

    private static JsonNode disk(JsonNode disks, int index, String serial) {
        return disks.valueStream()
                .filter(disk -> index < 0
                        ? disk.get("serial").asString().equals(serial)
                        : disk.get("index").asInt() == index)
                .findFirst()
                .orElseThrow(() -> new AssertionError("no disk %d (%s) in %s".formatted(index, serial, disks)));
    }

    private void section(String name, Map<String, String> theirs, JsonNode ours, int sectorBytes) {
        theirs.forEach((label, value) -> {
            if (label.equals("This Slot") && value.equals("?")) {
                return; // mdadm does not know whose disk it looks at
            }
            String key = label.toLowerCase(Locale.ROOT).replace(' ', '_');
            JsonNode field = ours.get(key);
            assertThat(field)
                    .as("%s: %s: %s (mdadm: %s)", what, name, key, value)
                    .isNotNull();
            boolean kibibytes =
                    theirs.getOrDefault("Version", "").startsWith("0.9") && IN_KIBIBYTES_ONCE.contains(label);
            assertThat(said(label, field, kibibytes ? 1024 : sectorBytes))
                    .as("%s: %s: %s", what, name, label)
                    .isEqualTo(plain(label, value));
            compared++;
        });
    }

    /** mdadm's value without what it says twice: {@code 40960 (20.00 MiB 20.97 MB)}, {@code c5740770 correct}. */
    private static String plain(String label, String value) {
        if (value.contains(KIBIBYTES) && label.equals("Array Size")) {
            return Long.toString(2 * Long.parseLong(value.substring(0, value.indexOf(KIBIBYTES))));
        }
        if (IN_SECTORS.contains(label) || label.equals("Recovery Offset")) {
            return value.replaceFirst("( sectors)?( \\(.*)?$", "");
        }
        return switch (label) {
            case "Checksum" -> "%08x".formatted(Integer.parseUnsignedInt(value.replaceFirst(" .*", ""), 16));
            case "Name", "UUID" -> value.replaceFirst(" +\\(local to host .*", "");
            case "Array State" -> value.replaceFirst(" \\(.*", "");
            default -> value.replaceAll(" +", " ");
        };
    }

    /** Our value in mdadm's form. */
    private static String said(String label, JsonNode field, int sectorBytes) {
        if (IN_SECTORS.contains(label)) {
            return Long.toString(field.asLong() / sectorBytes); // mdadm shows whole sectors, what is left over is not
        }
        if (TIMES.contains(label) && field.isNull()) {
            return "Unknown"; // as of a spare
        }
        if (TIMES.contains(label)) {
            return MDADM_TIME.format(Instant.parse(field.asString())).replaceAll(" +", " ");
        }
        return field.asString();
    }
}
