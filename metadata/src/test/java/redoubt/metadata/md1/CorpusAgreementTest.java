package redoubt.metadata.md1;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import redoubt.base.Sectors;
import redoubt.metadata.Bytes;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.Corpus;
import redoubt.metadata.Finding;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;
import redoubt.metadata.Report;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumeState;

/** What we read in the arrays of the corpus is what mdadm read in them, and what we encode is what Linux wrote. */
class CorpusAgreementTest {

    private static final Pattern LINE = Pattern.compile("^\\s*([A-Z][A-Za-z0-9' ]*?) : (.*)$");

    /** mdadm prints its times in its own zone and form, which interop looks at. */
    private static final Set<String> IN_ANOTHER_FORM = Set.of("Creation Time", "Update Time");

    private static List<String> cases() {
        Corpus.root();
        List<String> cases = new ArrayList<>();
        for (String prefix : List.of("md10-", "md11-", "md12-")) {
            cases.addAll(Corpus.cases(prefix));
        }
        assertThat(cases).hasSizeGreaterThanOrEqualTo(14);
        return cases;
    }

    private static Md1Minor minor(String name) {
        return name.startsWith("md10-") ? Md1Minor.V1_0 : name.startsWith("md11-") ? Md1Minor.V1_1 : Md1Minor.V1_2;
    }

    private static Md1DiskMetadata decoded(String name, Corpus.Disk disk) throws Exception {
        Finding finding = new Md1Format(minor(name)).probe(disk.geometry(), disk);
        assertThat(finding).as(name).isInstanceOf(Finding.Whole.class);
        return (Md1DiskMetadata) ((Finding.Whole) finding).metadata();
    }

    /** Goal: nothing is lost on the way through memory. Method: read every member, encode it, compare all bytes. */
    @Test
    void everyMemberIsEncodedAsItWasRead() throws Exception {
        for (String name : cases()) {
            for (Corpus.Disk disk : Corpus.disks(name)) {
                Md1Superblock superblock = decoded(name, disk).superblock();
                byte[] block = superblock.encode(512);
                long at = Sectors.toBytes(superblock.device().superOffset());
                assertThat(Bytes.of(block)).as(name).isEqualTo(Bytes.of(disk.read(at, block.length)));
            }
        }
    }

    @Test
    void aVersionIsFoundInItsOwnPlaceOnly() throws Exception {
        for (String name : cases()) {
            Corpus.Disk disk = Corpus.disk(name, 0);
            for (Md1Minor other : Md1Minor.values()) {
                if (other != minor(name)) {
                    assertThat(new Md1Format(other).probe(disk.geometry(), disk))
                            .as("%s as %s", name, other.version())
                            .isInstanceOf(Finding.Absent.class);
                }
            }
        }
    }

    /** Goal: examine says what mdadm says. Method: compare every line of mdadm's text. */
    @Test
    void everyFieldReadsAsMdadmReadsIt() throws Exception {
        int lines = 0;
        for (String name : cases()) {
            String text = Corpus.mdadmText(name);
            for (int n = 0; n < Corpus.disks(name).size(); n++) {
                Map<String, String> theirs = examined(text, "vd" + (char) ('a' + n));
                if (theirs.isEmpty()) {
                    continue;
                }
                Report ours = decoded(name, Corpus.disk(name, n)).report(Optional.empty());
                Map<String, String> shown = new LinkedHashMap<>();
                ours.sections()
                        .getFirst()
                        .fields()
                        .forEach(field -> shown.put(field.label(), field.value().shown()));
                for (Map.Entry<String, String> line : theirs.entrySet()) {
                    if (!IN_ANOTHER_FORM.contains(line.getKey())) {
                        assertThat(shown.get(line.getKey()))
                                .as("%s, member %d: %s", name, n, line)
                                .isEqualTo(plain(line.getKey(), line.getValue()));
                        lines++;
                    }
                }
            }
        }
        assertThat(lines).as("lines compared").isGreaterThan(700);
    }

    private static Map<String, String> examined(String text, String disk) {
        Map<String, String> fields = new LinkedHashMap<>();
        int at = text.indexOf("== examine " + disk + "\n");
        if (at < 0) {
            return fields;
        }
        String[] lines = text.substring(at).split("\n", -1);
        for (int i = 1; i < lines.length && !lines[i].startsWith("== "); i++) {
            Matcher line = LINE.matcher(lines[i]);
            if (line.matches()) {
                fields.put(line.group(1), line.group(2).strip());
            }
        }
        return fields;
    }

    /** mdadm's value without what it says twice or explains. */
    private static String plain(String label, String value) {
        return switch (label) {
            case "Name" -> value.replaceFirst(" +\\(local to host .*\\)$", "");
            case "Avail Dev Size", "Used Dev Size", "Data Offset", "Super Offset", "Recovery Offset" ->
                value.replaceFirst(" sectors.*", "");
            case "Array Size" -> Long.toString(2 * Long.parseLong(value.replaceFirst(" KiB.*", "")));
            case "Checksum" -> "%08x".formatted(Integer.parseUnsignedInt(value.replace(" - correct", ""), 16));
            case "Array State" -> value.replaceFirst(" \\(.*", "");
            default -> value;
        };
    }

    // ---------------------------------------------------------------------------------------------- choice

    private static ContainerChoice.Chosen chosen(String name, Set<Integer> without) throws Exception {
        List<Candidate> candidates = new ArrayList<>();
        Md1Format format = new Md1Format(minor(name));
        for (int n = Corpus.disks(name).size() - 1; n >= 0; n--) {
            if (!without.contains(n)) {
                Corpus.Disk disk = Corpus.disk(name, n);
                candidates.add(
                        new Candidate(n, disk.geometry(), Optional.empty(), format.probe(disk.geometry(), disk)));
            }
        }
        List<ContainerChoice> choices = format.choose(candidates);
        assertThat(choices).as(name).hasSize(1);
        assertThat(choices.getFirst()).as(name).isInstanceOf(ContainerChoice.Chosen.class);
        return (ContainerChoice.Chosen) choices.getFirst();
    }

    private static Set<Integer> stale(ContainerChoice.Chosen chosen) {
        Set<Integer> stale = new TreeSet<>();
        for (Placement placement : chosen.placements()) {
            if (placement.verdict() instanceof Verdict.Stale) {
                stale.add(placement.disk());
            }
        }
        return stale;
    }

    @Test
    void everyDiskFindsItsPlaceAndTheStaleOnesAreLeftOut() throws Exception {
        for (String name : cases()) {
            ContainerChoice.Chosen chosen = chosen(name, Set.of());
            VolumePicture volume = chosen.container().picture().volumes().getFirst();
            assertThat(volume.name()).isEqualTo(name.equals("md12-r1-xfs-files") ? volume.name() : "a");
            assertThat(volume.dirty()).as(name).isFalse();
            switch (name) {
                case "md12-r6-6d-two-failed" -> assertThat(stale(chosen)).containsExactly(1, 4);
                case "md12-r5-3d-recovering" -> {
                    assertThat(stale(chosen)).containsExactly(0);
                    assertThat(volume.slots().getFirst().state()).isEqualTo(SlotState.REBUILDING);
                    assertThat(volume.slots().getFirst().recoveredSectors()).isEqualTo(41984);
                    assertThat(volume.computed()).isEqualTo(VolumeState.DEGRADED);
                }
                default -> {
                    assertThat(stale(chosen)).as(name).isEmpty();
                    assertThat(volume.computed()).as(name).isEqualTo(VolumeState.NORMAL);
                }
            }
        }
    }

    /** Goal: the size is what the Linux kernel said. Method: the table of the corpus. */
    @Test
    void everySizeIsWhatLinuxSaid() throws Exception {
        Map<String, Long> sizes = new LinkedHashMap<>();
        for (String line : java.nio.file.Files.readAllLines(Corpus.root().resolve("cases.tsv"))) {
            String[] words = line.split("\t", -1);
            sizes.put(words[0], words[3].matches("\\d+") ? Long.parseLong(words[3]) : 0L);
        }
        for (String name : cases()) {
            VolumePicture volume =
                    chosen(name, Set.of()).container().picture().volumes().getFirst();
            assertThat(Sectors.toBytes(volume.sizeSectors())).as(name).isEqualTo(sizes.get(name));
        }
    }

    @Test
    void aMemberThatIsAwayIsMissingAndNotFailed() throws Exception {
        VolumePicture volume = chosen("md12-r5-4d-la-32k", Set.of(2))
                .container()
                .picture()
                .volumes()
                .getFirst();
        assertThat(volume.slots().stream().map(slot -> slot.state()).toList())
                .containsExactly(SlotState.IN_SYNC, SlotState.IN_SYNC, SlotState.MISSING, SlotState.IN_SYNC);
        assertThat(volume.recorded()).isEqualTo(VolumeState.NORMAL);
    }
}
