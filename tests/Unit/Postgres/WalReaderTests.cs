using System.Buffers.Binary;
using System.Numerics;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class WalReaderTests : IDisposable
{
    private const int Page = 8192;
    private const int Segment = 1 << 20;

    private readonly string _directory = Directory.CreateTempSubdirectory("pgc-wal-").FullName;
    private readonly byte[] _wal = new byte[Segment * 2];
    private ulong _at = Segment;
    private ulong _previous;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_end_is_behind_the_last_whole_record_across_pages_and_segments()
    {
        var first = Append(100);
        Append(20_000);
        while (_at < (2 * Segment) - 600)
        {
            Append(500);
        }

        var checkpoint = Append(80, info: 0x10);
        Append(3000);
        var end = _at;
        Assert.True(end > 2 * Segment);
        Save(1);
        using var reader = Open();
        Assert.Equal(new Lsn(end), reader.FindEnd(first));
        Assert.Equal(checkpoint, reader.FindCheckpointBefore(new Lsn(end), new Lsn(_previous)));
        Assert.Null(reader.FindCheckpointBefore(checkpoint, new Lsn(_previous)));
        Assert.Null(reader.FindEnd(new Lsn(end)));
    }

    [Fact]
    public void A_record_whose_bytes_are_not_what_was_written_is_the_end()
    {
        var first = Append(100);
        var good = Append(100);
        var end = _at;
        var torn = Append(10_000);
        _wal[torn.Value - Segment + 9000] ^= 1;
        Save(1);
        using var reader = Open();
        Assert.Equal(new Lsn(end), reader.FindEnd(first));
        Assert.Equal(first, reader.Read(good)!.Previous);
    }

    [Fact]
    public void What_a_segment_held_in_its_last_life_is_not_taken_for_WAL()
    {
        var first = Append(100);
        var end = _at;
        _previous = 12345;
        Append(100);
        Save(1);
        using var reader = Open();
        Assert.Equal(new Lsn(end), reader.FindEnd(first));
    }

    [Fact]
    public void A_segment_switch_ends_its_segment()
    {
        Append(100);
        var change = Append(24, info: 0x40);
        Save(1);
        using var reader = Open();
        Assert.Equal(new Lsn(2 * Segment), reader.Read(change)!.End);
    }

    [Fact]
    public void The_segment_of_the_latest_timeline_that_has_it_counts()
    {
        var first = Append(100);
        var end = _at;
        Save(2);
        Append(100);
        Save(1);
        using var reader = new WalReader(_directory, TimelineHistory.Parse(2, "1\t0/100080\tx"), Segment, Page);
        Assert.Equal(new Lsn(end), reader.FindEnd(first));
    }

    [Theory]
    [InlineData(16 << 20, "000000030000000100000002", 3, 0x102UL)]
    [InlineData(1 << 30, "000000010000000200000003", 1, 0xBUL)]
    public void Names_of_segments(int bytes, string name, int timeline, ulong number)
    {
        Assert.Equal(name, WalSegment.Name(timeline, number, (ulong)bytes));
        Assert.Equal((timeline, number), WalSegment.Parse(name, (ulong)bytes));
        Assert.Null(WalSegment.Parse(name + ".partial", (ulong)bytes));
        Assert.Null(WalSegment.Parse("archive_status", (ulong)bytes));
    }

    private WalReader Open() => new(_directory, new TimelineHistory(1, []), Segment, Page);

    /// <summary>Writes one record as PostgreSQL lays it out. Where it begins.</summary>
    private Lsn Append(int length, byte info = 0)
    {
        SkipHeader(0);
        var record = new byte[length];
        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)length);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(8), _previous);
        record[16] = info;
        record[17] = info == 0 ? (byte)10 : (byte)0;
        record.AsSpan(24).Fill(0x5A);
        var crc = uint.MaxValue;
        foreach (var one in record.AsSpan(24))
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        foreach (var one in record.AsSpan(0, 20))
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(20), ~crc);
        var begin = _at;
        for (var done = 0; done < length; done++)
        {
            SkipHeader(length - done);
            _wal[_at++ - Segment] = record[done];
        }

        _at = (_at + 7) / 8 * 8;
        _previous = begin;
        return new Lsn(begin);
    }

    private void SkipHeader(int remaining)
    {
        if (_at % Page != 0)
        {
            return;
        }

        var header = _wal.AsSpan((int)(_at - Segment));
        BinaryPrimitives.WriteUInt16LittleEndian(header, 0xD110);
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], (ushort)(remaining > 0 ? 1 : 0));
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], _at);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], (uint)remaining);
        _at += _at % Segment == 0 ? 40UL : 24UL;
    }

    private void Save(int timeline)
    {
        for (var number = 1UL; number <= 2; number++)
        {
            File.WriteAllBytes(
                Path.Combine(_directory, WalSegment.Name(timeline, number, Segment)), _wal.AsSpan((int)(number - 1) * Segment, Segment).ToArray());
        }
    }
}
