package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataEvent.Seeds;
import redoubt.metadata.NewDisk;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.Report;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;
import redoubt.metadata.WriteRound.Step;
import redoubt.metadata.imsm.ImsmFormat;

/**
 * Goal: what we write as IMSM metadata, mdadm reads as we do. Method: make containers of every level with our codec on loop devices of 512-
 * and 4096-byte sectors, take them through failures and rebuilds, and after each step compare {@code mdadm --examine} with our own report,
 * line by line.
 */
@Interop
class MetadataAgreementTest {

    private static final ImsmFormat FORMAT = new ImsmFormat();
    private static final long DISK_BYTES = 96L << 20;
    private static final Seeds SEEDS = new Seeds(0x5EED1234, Optional.of(1_780_000_000L));
    private static final Pattern LINE = Pattern.compile("^\\s*([A-Z][A-Za-z0-9 ]*?) : (.*)$");
    private static final Pattern HUMAN_SIZE = Pattern.compile("^(\\d+) \\(.*\\)$");

    /** One container to make. */
    record Wish(int sectorBytes, RaidLevel level, int members, int chunkKib, boolean second, ConsistencyPolicy policy) {
        @Override
        public String toString() {
            return "%s of %d, chunk %d KiB, sectors of %d%s, %s"
                    .formatted(
                            level.word(),
                            members,
                            chunkKib,
                            sectorBytes,
                            second ? ", second volume" : "",
                            policy.word());
        }
    }

    static Stream<Wish> wishes() {
        return Stream.of(512, 4096)
                .flatMap(sector -> Stream.of(
                        new Wish(sector, RaidLevel.RAID0, 2, 64, false, ConsistencyPolicy.NONE),
                        new Wish(sector, RaidLevel.RAID0, 3, 128, false, ConsistencyPolicy.NONE),
                        new Wish(sector, RaidLevel.RAID1, 2, 64, false, ConsistencyPolicy.RESYNC),
                        new Wish(sector, RaidLevel.RAID1, 2, 64, true, ConsistencyPolicy.RESYNC),
                        new Wish(sector, RaidLevel.RAID5, 3, 16, false, ConsistencyPolicy.RESYNC),
                        new Wish(sector, RaidLevel.RAID5, 4, 1024, true, ConsistencyPolicy.PPL),
                        new Wish(sector, RaidLevel.RAID10, 4, 64, false, ConsistencyPolicy.RESYNC),
                        new Wish(sector, RaidLevel.RAID10, 6, 4096, false, ConsistencyPolicy.RESYNC)));
    }

    @BeforeAll
    static void needsMdadm() {
        Peer.require(Peer.MDADM, Peer.LOSETUP);
    }

    @ParameterizedTest
    @MethodSource("wishes")
    void mdadmReadsWhatWeWrote(Wish wish) throws Exception {
        try (Disks loops = new Disks(wish.members() + 1, wish.sectorBytes())) {
            List<NewDisk> disks = IntStream.range(0, wish.members() + 1)
                    .mapToObj(i -> new NewDisk(i, loops.geometry(), loops.serial(i), 0))
                    .toList();
            ContainerMetadata container = loops.carryOut(FORMAT.create(disks).write(Optional.empty()));
            int lines = loops.assertAgrees(wish + ", only spares");

            container = FORMAT.addVolume(container, plan(wish, "vol0", wish.second() ? 40_000 : 0), SEEDS);
            if (wish.second()) {
                container = FORMAT.addVolume(container, plan(wish, "a-second.volume", 0), SEEDS);
            }
            container = loops.carryOut(container.write(Optional.empty()));
            lines += loops.assertAgrees(wish + ", created");
            if (wish.level().redundant()) {
                lines += throughALife(wish, loops, container);
            }
            assertThat(lines).as("lines compared").isGreaterThan(60);
        }
    }

    private static VolumePlan plan(Wish wish, String name, long memberSectors) {
        return new VolumePlan(
                name,
                wish.level(),
                OptionalInt.of(wish.chunkKib() * 1024),
                memberSectors == 0 ? OptionalLong.empty() : OptionalLong.of(memberSectors),
                IntStream.range(0, wish.members()).mapToObj(OptionalInt::of).toList(),
                wish.policy(),
                false);
    }

    private static int throughALife(Wish wish, Disks loops, ContainerMetadata created) throws Exception {
        int spare = wish.members();
        List<MetadataEvent> life = List.of(
                new MetadataEvent.ResyncStarted(0),
                new MetadataEvent.SyncCheckpoint(0, 20_000),
                new MetadataEvent.ResyncFinished(0),
                new MetadataEvent.MarkClean(0),
                new MetadataEvent.MarkDirty(0),
                new MetadataEvent.BadBlocksFound(0, 1, 1000, 700),
                new MetadataEvent.BadBlocksFound(0, 0, 5000, 8),
                new MetadataEvent.ResyncStarted(0),
                new MetadataEvent.ResyncFinished(0),
                new MetadataEvent.MemberFailed(0, 1),
                new MetadataEvent.RebuildStarted(0, 1, spare, SEEDS),
                new MetadataEvent.SyncCheckpoint(0, 30_000),
                new MetadataEvent.RebuildFinished(0, 1),
                new MetadataEvent.DiskGone(0),
                new MetadataEvent.VolumeActivated(0));
        int lines = 0;
        ContainerMetadata container = created;
        for (MetadataEvent event : life) {
            ContainerMetadata next = container.apply(event);
            container = loops.carryOut(next.write(Optional.of(container)));
            lines += loops.assertAgrees(wish + ", after " + event);
        }
        return lines;
    }

    /** Loop devices over images in a scratch folder, for as long as it is open. */
    private static final class Disks implements AutoCloseable {

        private final Scratch scratch = Scratch.make();
        private final List<LoopDevice> devices = new ArrayList<>();
        private final int sectorBytes;

        Disks(int count, int sectorBytes) {
            this.sectorBytes = sectorBytes;
            try {
                for (int i = 0; i < count; i++) {
                    devices.add(LoopDevice.attach(scratch.sparse("disk" + i, DISK_BYTES), sectorBytes));
                }
            } catch (RuntimeException e) {
                close();
                throw e;
            }
        }

        DiskGeometry geometry() {
            return new DiskGeometry(DISK_BYTES, sectorBytes);
        }

        String serial(int disk) {
            return devices.get(disk).serial();
        }

        ContainerMetadata carryOut(WriteRound round) throws IOException {
            for (WriteRound.MemberWrites member : round.members()) {
                try (RandomAccessFile disk = new RandomAccessFile(serial(member.disk()), "rw")) {
                    for (Step step : member.steps()) {
                        switch (step) {
                            case Step.Put put -> {
                                disk.seek(put.offsetBytes());
                                disk.write(put.bytes().toArray());
                            }
                            case Step.Flush() -> disk.getFD().sync();
                        }
                    }
                }
            }
            return round.image();
        }

        int assertAgrees(String what) throws IOException, ReadFailed {
            int lines = 0;
            for (LoopDevice device : devices) {
                String theirs = Peer.MDADM
                        .command("--examine", device.serial())
                        .env("IMSM_NO_PLATFORM", "1")
                        .env("IMSM_DEVNAME_AS_SERIAL", "1")
                        .run()
                        .mustSucceed()
                        .out();
                lines += compared(what + ", " + device.serial(), theirs, report(device.serial()));
            }
            return lines;
        }

        private Report report(String serial) throws IOException, ReadFailed {
            try (RandomAccessFile disk = new RandomAccessFile(serial, "r")) {
                Finding finding = FORMAT.probe(geometry(), (offset, length) -> {
                    byte[] bytes = new byte[length];
                    try {
                        disk.seek(offset);
                        disk.readFully(bytes);
                    } catch (IOException e) {
                        throw new ReadFailed(e.toString(), e);
                    }
                    return bytes;
                });
                assertThat(finding).isInstanceOf(Finding.Whole.class);
                return ((Finding.Whole) finding).metadata().report(Optional.of(serial));
            }
        }

        @Override
        public void close() {
            devices.forEach(LoopDevice::close);
            scratch.close();
        }
    }

    private static int compared(String what, String theirs, Report ours) {
        List<Map<String, String>> sections = sections(theirs);
        // mdadm shows a spare twice: as the entry of its own table, and as a disk of no table.
        sections.removeIf(section -> section.containsKey("Disk Serial"));
        assertThat(ours.sections()).as(what + "\n" + theirs).hasSameSizeAs(sections);
        int lines = 0;
        for (int i = 0; i < sections.size(); i++) {
            Map<String, String> shown = new LinkedHashMap<>();
            Report.Section section = ours.sections().get(i);
            section.fields()
                    .forEach(field -> shown.put(field.label(), field.value().shown()));
            shown.put("name", section.title());
            shown.computeIfPresent("Checksum", (label, sum) -> sum + " correct");
            for (Map.Entry<String, String> line : sections.get(i).entrySet()) {
                if (!line.getKey().equals("Creation Time")) {
                    Matcher human = HUMAN_SIZE.matcher(line.getValue());
                    String exact = human.matches() && line.getKey().endsWith("Size") ? human.group(1) : line.getValue();
                    assertThat(shown.get(line.getKey()))
                            .as(what + ": " + line + "\n" + theirs)
                            .isEqualTo(exact);
                    lines++;
                }
            }
        }
        return lines;
    }

    private static List<Map<String, String>> sections(String text) {
        List<Map<String, String>> sections = new ArrayList<>();
        Map<String, String> section = new LinkedHashMap<>();
        for (String line : text.split("\n", -1)) {
            Matcher field = LINE.matcher(line);
            if (field.matches()) {
                section.put(field.group(1), field.group(2).strip());
            } else if (!section.isEmpty()) {
                sections.add(section);
                section = new LinkedHashMap<>();
            }
            if (line.startsWith("[")) {
                section.put("name", line.substring(1, line.indexOf("]:")));
            }
        }
        if (!section.isEmpty()) {
            sections.add(section);
        }
        return sections;
    }
}
