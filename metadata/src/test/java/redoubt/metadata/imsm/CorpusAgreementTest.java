package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import redoubt.metadata.Bytes;
import redoubt.metadata.Corpus;
import redoubt.metadata.Finding;
import redoubt.metadata.Report;

/** What we read in the arrays of the corpus is what mdadm read in them, and what we write is what mdadm wrote. */
class CorpusAgreementTest {

    private static final ImsmFormat FORMAT = new ImsmFormat();

    static ImsmDiskMetadata decoded(Corpus.Disk disk) throws Exception {
        Finding finding = FORMAT.probe(disk.geometry(), disk);
        assertThat(finding).isInstanceOf(Finding.Whole.class);
        return (ImsmDiskMetadata) ((Finding.Whole) finding).metadata();
    }

    /** Goal: nothing is lost on the way through memory. Method: read every member, write it, compare all bytes. */
    @Test
    void everyMemberIsWrittenAsItWasRead() throws Exception {
        for (String name : cases()) {
            for (Corpus.Disk disk : Corpus.disks(name)) {
                ImsmSuper mpb = decoded(disk).mpb();
                ImsmPlaces places = ImsmPlaces.of(disk.geometry(), mpb.bytes());
                byte[] block = mpb.encode(512);
                Bytes anchor = Bytes.of(block, 0, 512);
                Bytes extension = Bytes.of(block, 512, block.length - 512);
                assertThat(anchor).as(name).isEqualTo(Bytes.of(disk.read(places.anchorAt(), 512)));
                assertThat(extension)
                        .as(name)
                        .isEqualTo(Bytes.of(disk.read(places.extensionAt(), places.extensionBytes())));
            }
        }
    }

    /** Goal: examine says what mdadm says. Method: compare every line of mdadm's text, except human sizes and the time's form. */
    @Test
    void everyFieldReadsAsMdadmReadsIt() throws Exception {
        int lines = 0;
        for (String name : cases()) {
            String text = Corpus.mdadmText(name);
            for (int n = 0; n < Corpus.disks(name).size(); n++) {
                List<Map<String, String>> theirs = MdadmExamine.sections(text, "vd" + (char) ('a' + n));
                if (theirs.isEmpty()) {
                    continue;
                }
                Report ours = decoded(Corpus.disk(name, n)).report(Optional.of(Corpus.serial(n)));
                lines += MdadmExamine.assertAgrees(name + " member " + n, theirs, ours);
            }
        }
        assertThat(lines).as("lines compared").isGreaterThan(700);
    }

    private static List<String> cases() {
        Corpus.root();
        return Corpus.cases("imsm-");
    }

    /** mdadm's text, cut into sections of named lines. */
    static final class MdadmExamine {

        private static final Pattern LINE = Pattern.compile("^\\s*([A-Z][A-Za-z0-9 ]*?) : (.*)$");
        private static final Pattern HUMAN_SIZE = Pattern.compile("^(\\d+) \\(.*\\)$");

        static List<Map<String, String>> sections(String text, String disk) {
            List<Map<String, String>> sections = new ArrayList<>();
            int at = text.indexOf("== examine " + disk + "\n");
            if (at < 0) {
                return sections;
            }
            String[] lines = text.substring(at).split("\n", -1);
            Map<String, String> section = new LinkedHashMap<>();
            for (int i = 1; i < lines.length && !lines[i].startsWith("== "); i++) {
                Matcher line = LINE.matcher(lines[i]);
                if (line.matches()) {
                    section.put(line.group(1), line.group(2).strip());
                } else if (!section.isEmpty()) {
                    sections.add(section);
                    section = new LinkedHashMap<>();
                }
                if (lines[i].startsWith("[")) {
                    section.put("name", lines[i].substring(1, lines[i].indexOf("]:")));
                }
            }
            if (!section.isEmpty()) {
                sections.add(section);
            }
            return sections;
        }

        static int assertAgrees(String what, List<Map<String, String>> theirs, Report ours) {
            assertThat(ours.sections()).as(what).hasSameSizeAs(theirs);
            int lines = 0;
            for (int i = 0; i < theirs.size(); i++) {
                Map<String, String> shown = new LinkedHashMap<>();
                Report.Section section = ours.sections().get(i);
                section.fields()
                        .forEach(field -> shown.put(field.label(), field.value().shown()));
                shown.put("name", section.title());
                shown.computeIfPresent("Checksum", (label, sum) -> sum + " correct");
                for (Map.Entry<String, String> line : theirs.get(i).entrySet()) {
                    if (line.getKey().equals("Creation Time")) {
                        continue;
                    }
                    Matcher human = HUMAN_SIZE.matcher(line.getValue());
                    String exact = human.matches() && line.getKey().endsWith("Size") ? human.group(1) : line.getValue();
                    assertThat(shown.get(line.getKey())).as(what + ": " + line).isEqualTo(exact);
                    lines++;
                }
            }
            return lines;
        }
    }
}
