package redoubt.metadata;

import java.util.List;
import java.util.Optional;

/**
 * All fields of a disk's metadata with exact values, in the order in which mdadm shows them, for the command line to print as text or
 * JSON and for tests to compare.
 *
 * @param sections in order
 */
public record Report(List<Section> sections) {

    /** Takes an unchangeable copy. */
    public Report {
        sections = List.copyOf(sections);
    }

    /** What a section is about. */
    public enum About {
        /** The container; of a format that has none, the array. */
        CONTAINER,
        /** A disk of its table. */
        DISK,
        /** A volume. */
        VOLUME,
        /** What is recorded as unreadable. */
        BAD_BLOCKS,
        /** How far a reshape has come. */
        MIGRATION
    }

    /**
     * Fields that belong together.
     *
     * @param about what they are about
     * @param number index of the disk or volume, 0 for the container
     * @param title name of it, raw: print it through {@link Printable}
     * @param fields in order
     */
    public record Section(About about, int number, String title, List<Field> fields) {
        /** Takes an unchangeable copy. */
        public Section {
            fields = List.copyOf(fields);
        }

        /** The field with that key. */
        public Optional<Field> field(String key) {
            return fields.stream().filter(f -> f.key().equals(key)).findFirst();
        }
    }

    /**
     * One field.
     *
     * @param key name for machines, lower case with underscores
     * @param label name for people, as mdadm spells it
     * @param value exact value
     */
    public record Field(String key, String label, Value value) {}

    /** An exact value; {@link #shown()} is how mdadm writes it. Text from a disk is escaped in it. */
    public sealed interface Value {

        /** As text. */
        String shown();

        /** Words. */
        record Text(String text) implements Value {
            @Override
            public String shown() {
                return Printable.of(text);
            }
        }

        /** A count. */
        record Count(long number) implements Value {
            @Override
            public String shown() {
                return Long.toString(number);
            }
        }

        /** A 32-bit word, shown as eight hex digits. */
        record Word(int word) implements Value {
            @Override
            public String shown() {
                return "%08x".formatted(word);
            }
        }

        /** A size or place. {@code sectors} are of 512 bytes; mdadm shows sectors of the disk. */
        record Size(long sectors, int sectorBytes) implements Value {
            @Override
            public String shown() {
                return Long.toString(sectors / (sectorBytes / 512));
            }

            /** In bytes. */
            public long bytes() {
                return Math.multiplyExact(sectors, 512L);
            }
        }

        /** A point in time, seconds since 1970; 0 stands for unknown. */
        record Time(long epochSeconds) implements Value {
            @Override
            public String shown() {
                return epochSeconds == 0
                        ? "Unknown"
                        : java.time.Instant.ofEpochSecond(epochSeconds).toString();
            }
        }

        /** A UUID. */
        record Name(MdUuid uuid) implements Value {
            @Override
            public String shown() {
                return uuid.colonForm();
            }
        }
    }
}
