package redoubt.keeper;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.block.MemoryDevice;

/** A memory disk that notes what it is asked, tells data from metadata by its place, and fails when told to. */
final class LoggedDisk implements BlockDevice {

    private final int number;
    private final MemoryDevice content;
    private final long metadataFrom;
    private final List<String> order;
    private final List<String> asked = new ArrayList<>();
    private final Map<IoOperation, ArrayDeque<IoStatus>> failures = new EnumMap<>(IoOperation.class);
    private Runnable beforeEach = () -> {};

    LoggedDisk(int number, MemoryDevice content, long metadataFrom, List<String> order) {
        this.number = number;
        this.content = content;
        this.metadataFrom = metadataFrom;
        this.order = order;
    }

    synchronized void failNext(IoOperation operation, IoStatus how) {
        failures.computeIfAbsent(operation, key -> new ArrayDeque<>()).add(how);
    }

    /** Has somebody look before each request is carried out. */
    void beforeEach(Runnable look) {
        beforeEach = look;
    }

    synchronized List<String> asked() {
        return List.copyOf(asked);
    }

    @Override
    public BlockLimits limits() {
        return content.limits();
    }

    @Override
    public void submit(IoRequest request) {
        String line = request.operation().toString();
        if (request.operation() == IoOperation.WRITE) {
            line += request.offset() >= metadataFrom ? " metadata" : " data";
        }
        beforeEach.run();
        IoStatus planned = noted(request.operation(), line);
        if (planned != null) {
            request.complete(planned);
        } else {
            content.submit(request);
        }
    }

    private synchronized @Nullable IoStatus noted(IoOperation operation, String line) {
        asked.add(line);
        order.add(number + " " + line);
        ArrayDeque<IoStatus> planned = failures.get(operation);
        return planned == null ? null : planned.poll();
    }

    @Override
    public void close() {
        content.close();
    }
}
