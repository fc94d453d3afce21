package redoubt.cli;

import java.io.PrintStream;
import redoubt.metadata.MdUuid;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON documents: records, whose components are the fields with underscores between their words. Every document begins with its
 * {@link OutputVersion}. Sizes and offsets are integers in bytes, times are RFC 3339, what is absent is null. Within a major version fields
 * are added and never changed.
 */
final class Json {

    private static final JsonMapper PRETTY = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();
    private static final JsonMapper LINES = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    private Json() {}

    /**
     * What a document is, in the shape that ZFS has made known.
     *
     * @param command the verb
     */
    record OutputVersion(String command, int versMajor, int versMinor) {
        static OutputVersion of(String command) {
            return new OutputVersion(command, 0, 1);
        }
    }

    /**
     * A UUID in both spellings that are about.
     *
     * @param canonical as in RFC 9562
     * @param md as mdadm writes it
     */
    record Uuid(String canonical, String md) {
        static Uuid of(MdUuid uuid) {
            return new Uuid(uuid.canonicalForm(), uuid.colonForm());
        }
    }

    /** Prints a document. */
    static void print(PrintStream out, Record document) {
        out.println(PRETTY.writeValueAsString(document));
    }

    /** Prints a document on one line. */
    static void printLine(PrintStream out, Record document) {
        out.println(LINES.writeValueAsString(document));
    }
}
