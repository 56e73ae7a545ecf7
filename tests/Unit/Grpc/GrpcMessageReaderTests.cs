using System.Buffers.Binary;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Tests.Unit.Grpc;

public sealed class GrpcMessageReaderTests
{
    private static readonly byte[][] Payloads = [[], [1], [.. Enumerable.Range(0, 300).Select(i => (byte)i)], []];

    [Fact]
    public async Task Messages_come_out_whole_wherever_the_stream_is_cut()
    {
        byte[] wire = [.. Payloads.SelectMany(Frame)];
        for (int cut = 0; cut <= wire.Length; cut++)
        {
            Assert.Equal(Payloads, await ReadAllAsync(wire[..cut], wire[cut..]));
        }
    }

    [Fact]
    public async Task Messages_come_out_whole_byte_by_byte()
    {
        byte[] wire = [.. Payloads.SelectMany(Frame)];

        Assert.Equal(Payloads, await ReadAllAsync([.. wire.Select(b => new[] { b })]));
    }

    [Fact]
    public async Task A_message_larger_than_any_buffer_comes_out_whole()
    {
        byte[] payload = new byte[3_000_000];
        new Random(7).NextBytes(payload);

        Assert.Equal([payload, [5]], await ReadAllAsync([.. ((byte[])[.. Frame(payload), .. Frame([5])]).Chunk(16_384)]));
    }

    [Fact]
    public async Task A_stream_that_ends_inside_a_message_is_Internal_wherever_it_ends()
    {
        byte[] wire = [.. Frame([1, 2, 3])];
        for (int cut = 1; cut < wire.Length; cut++)
        {
            GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => ReadAllAsync(wire[..cut]));
            Assert.Equal(GrpcStatusCode.Internal, error.StatusCode);
        }
    }

    [Fact]
    public async Task The_limit_is_the_size_that_still_passes()
    {
        byte[] message = [.. Frame([1, 2, 3])];
        int size = message.Length - 5;

        using GrpcMessageReader<BytesValue> wide = Reader(size, null, message);
        Assert.True(await wide.ReadAsync(TestContext.Current.CancellationToken));

        using GrpcMessageReader<BytesValue> narrow = Reader(size - 1, null, message);
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(async () => await narrow.ReadAsync(TestContext.Current.CancellationToken));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, error.StatusCode);
    }

    [Fact]
    public async Task A_length_that_fits_no_integer_is_refused_before_anything_is_allocated()
    {
        using GrpcMessageReader<BytesValue> reader = Reader(int.MaxValue, null, [0, 0xFF, 0xFF, 0xFF, 0xFF]);

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(async () => await reader.ReadAsync(TestContext.Current.CancellationToken));

        Assert.Equal(GrpcStatusCode.ResourceExhausted, error.StatusCode);
    }

    [Theory]
    [InlineData(1, "gzip", GrpcStatusCode.Unimplemented)]
    [InlineData(1, "identity", GrpcStatusCode.Internal)]
    [InlineData(1, null, GrpcStatusCode.Internal)]
    [InlineData(2, "gzip", GrpcStatusCode.Internal)]
    public async Task A_compressed_message_is_refused(byte flag, string? encoding, GrpcStatusCode expected)
    {
        using GrpcMessageReader<BytesValue> reader = Reader(100, encoding, [flag, 0, 0, 0, 0]);

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(async () => await reader.ReadAsync(TestContext.Current.CancellationToken));

        Assert.Equal(expected, error.StatusCode);
    }

    [Fact]
    public async Task An_uncompressed_message_passes_whatever_encoding_is_announced()
    {
        using GrpcMessageReader<BytesValue> reader = Reader(100, "gzip", [.. Frame([9])]);

        Assert.True(await reader.ReadAsync(TestContext.Current.CancellationToken));
        Assert.Equal([9], reader.Current.Value.ToByteArray());
    }

    [Fact]
    public async Task Bytes_that_are_no_message_are_Internal()
    {
        using GrpcMessageReader<BytesValue> reader = Reader(100, null, [0, 0, 0, 0, 2, 0x0A, 0x7F]);

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(async () => await reader.ReadAsync(TestContext.Current.CancellationToken));

        Assert.Equal(GrpcStatusCode.Internal, error.StatusCode);
    }

    [Fact]
    public async Task A_reader_disposed_under_a_read_lets_the_read_end_in_peace()
    {
        var more = new TaskCompletionSource<byte[]>();
        var reader = new GrpcMessageReader<BytesValue>(new WaitingStream(more.Task), 100, null);
        ValueTask<bool> reading = reader.ReadAsync(TestContext.Current.CancellationToken);

        reader.Dispose();
        more.SetResult([.. Frame([4])]);

        Assert.True(await reading);
        Assert.Equal([4], reader.Current.Value.ToByteArray());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await reader.ReadAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Two_readers_at_a_time_are_refused()
    {
        var more = new TaskCompletionSource<byte[]>();
        using var reader = new GrpcMessageReader<BytesValue>(new WaitingStream(more.Task), 100, null);
        ValueTask<bool> reading = reader.ReadAsync(TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await reader.ReadAsync(TestContext.Current.CancellationToken));

        more.SetResult([]);
        Assert.False(await reading);
    }

    private static IEnumerable<byte> Frame(byte[] payload)
    {
        byte[] message = new BytesValue { Value = ByteString.CopyFrom(payload) }.ToByteArray();
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, message.Length);
        return [0, .. length, .. message];
    }

    private static GrpcMessageReader<BytesValue> Reader(int limit, string? encoding, params byte[][] pieces) =>
        new(new PiecewiseStream(pieces), limit, encoding);

    private static async Task<List<byte[]>> ReadAllAsync(params byte[][] pieces)
    {
        using GrpcMessageReader<BytesValue> reader = Reader(4_000_000, null, pieces);
        var messages = new List<byte[]>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            messages.Add(reader.Current.Value.ToByteArray());
        }

        return messages;
    }

    /// <summary>Gives its bytes in the pieces it was made of.</summary>
    private sealed class PiecewiseStream(byte[][] pieces) : MemoryStream
    {
        private readonly Queue<byte[]> _pieces = new(pieces.Where(piece => piece.Length > 0));
        private int _given;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!_pieces.TryPeek(out byte[]? piece))
            {
                return new(0);
            }

            int count = Math.Min(buffer.Length, piece.Length - _given);
            piece.AsSpan(_given, count).CopyTo(buffer.Span);
            _given += count;
            if (_given == piece.Length)
            {
                _pieces.Dequeue();
                _given = 0;
            }

            return new(count);
        }
    }

    /// <summary>Gives its bytes when they are there.</summary>
    private sealed class WaitingStream(Task<byte[]> bytes) : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            byte[] given = await bytes;
            given.CopyTo(buffer);
            return given.Length;
        }
    }
}
