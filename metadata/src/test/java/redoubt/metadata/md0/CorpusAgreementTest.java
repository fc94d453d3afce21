package redoubt.metadata.md0;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import redoubt.base.Sectors;
import redoubt.metadata.Bytes;
import redoubt.metadata.Corpus;
import redoubt.metadata.Finding;
import redoubt.metadata.md1.Md1Format;
import redoubt.metadata.md1.Md1Minor;

/** What we read in the array of the corpus is what mdadm read in it. */
class CorpusAgreementTest {

    private static final String CASE = "md090-r1-2d";
    private static final Pattern LINE = Pattern.compile("^\\s*([A-Z][A-Za-z0-9' ]*?) : (.*)$");

    private static Md0DiskMetadata decoded(int member) throws Exception {
        Corpus.Disk disk = Corpus.disk(CASE, member);
        return (Md0DiskMetadata) ((Finding.Whole) new Md0Format().probe(disk.geometry(), disk)).metadata();
    }

    @Test
    void everyFieldReadsAsMdadmReadsIt() throws Exception {
        String text = Corpus.mdadmText(CASE);
        for (int member = 0; member < 2; member++) {
            Map<String, String> shown = new LinkedHashMap<>();
            decoded(member)
                    .report(Optional.empty())
                    .sections()
                    .getFirst()
                    .fields()
                    .forEach(field -> shown.put(field.label(), field.value().shown()));
            int lines = 0;
            String own = text.substring(text.indexOf("== examine vd" + (char) ('a' + member)));
            for (String line : own.substring(0, own.indexOf("RaidDevice")).split("\n", -1)) {
                Matcher field = LINE.matcher(line);
                if (field.matches() && !field.group(1).endsWith("Time")) {
                    assertThat(shown.get(field.group(1))).as(line).isEqualTo(plain(field.group(1), field.group(2)));
                    lines++;
                }
            }
            assertThat(lines).as("lines compared").isEqualTo(16);
        }
    }

    /** mdadm's value without what it says twice; of sizes, which are in KiB here, the sectors. */
    private static String plain(String label, String value) {
        return switch (label) {
            case "UUID", "Checksum" -> value.replaceFirst(" .*", "");
            case "Used Dev Size", "Array Size" -> Long.toString(2 * Long.parseLong(value.replaceFirst(" .*", "")));
            default -> value;
        };
    }

    @Test
    void theTableReadsAsMdadmReadsIt() throws Exception {
        Md0Superblock superblock = decoded(1).superblock();
        assertThat(superblock.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
        assertThat(superblock.thisDisk()).isEqualTo(superblock.descriptor(1));
        assertThat(superblock.descriptor(1)).isEqualTo(new Md0Descriptor(1, 254, 16, 1, OldSuperblocks.SEATED));
        assertThat(superblock.descriptor(0).words()).isEqualTo("active sync");
        assertThat(superblock.descriptor(2).words()).isEqualTo("spare");
    }

    /** Goal: nothing is lost on the way through memory, and the place is right. */
    @Test
    void everyMemberIsKeptAsItWasRead() throws Exception {
        for (int member = 0; member < 2; member++) {
            Corpus.Disk disk = Corpus.disk(CASE, member);
            long at = Sectors.toBytes(Md0Superblock.sectorOn(disk.geometry()));
            assertThat(decoded(member).superblock().block()).isEqualTo(Bytes.of(disk.read(at, 4096)));
            for (Md1Minor other : Md1Minor.values()) {
                assertThat(new Md1Format(other).probe(disk.geometry(), disk)).isInstanceOf(Finding.Absent.class);
            }
        }
    }
}
