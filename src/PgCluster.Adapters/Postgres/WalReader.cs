using System.Buffers.Binary;
using System.Numerics;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// Reads the frames of WAL records from the segments of a server that does not run, to find where its WAL ends. pg_waldump would say so only in the words
/// of an error. The layout is the same in PostgreSQL 14 to 18.
/// </summary>
internal sealed class WalReader : IDisposable
{
    private const int RecordHeader = 24;
    private const int PageHeader = 24;
    private const int FirstPageHeader = 40;
    private const int ChecksumAt = 20;
    private const int Alignment = 8;
    private const ushort ContinuesRecord = 0x1;
    private const ushort OverwritesRecord = 0x8;

    // PostgreSQL refuses to write a longer one.
    private const uint MaxRecord = 1020U << 20;

    private readonly string _directory;
    private readonly TimelineHistory _history;
    private readonly ulong _segmentBytes;
    private readonly byte[] _page;
    private ulong _pageAt = ulong.MaxValue;
    private (ulong Number, FileStream? File) _segment = (ulong.MaxValue, null);

    internal WalReader(string walDirectory, TimelineHistory history, int segmentBytes, int pageBytes)
    {
        _directory = walDirectory;
        _history = history;
        _segmentBytes = (ulong)segmentBytes;
        _page = new byte[pageBytes];
    }

    /// <summary>Where the last whole record ends, reading on from <paramref name="start"/>; null when not even that one can be read.</summary>
    internal Lsn? FindEnd(Lsn start)
    {
        Lsn? end = null;
        var last = start;
        for (var record = Read(start); record is not null; record = Read(end.Value))
        {
            // What a segment held before it was used again has the right form and the wrong predecessor.
            if (end is not null && record.Previous != last)
            {
                break;
            }

            last = record.Begin;
            end = record.End;
        }

        return end;
    }

    /// <summary>The last checkpoint before <paramref name="limit"/>, going back from the record at <paramref name="start"/>; null when WAL is missing.</summary>
    internal Lsn? FindCheckpointBefore(Lsn limit, Lsn start)
    {
        var record = Read(start);
        while (record is not null && !(record.IsCheckpoint && record.Begin < limit))
        {
            record = record.Previous < record.Begin ? Read(record.Previous) : null;
        }

        return record?.Begin;
    }

    /// <summary>The record at a position, or behind the page header there; null when none is whole.</summary>
    internal WalRecord? Read(Lsn lsn)
    {
        var begin = SkipPageHeader(lsn.Value);
        if (!LoadPage(begin, false, out _))
        {
            return null;
        }

        var header = BinaryPrimitives.ReadUInt32LittleEndian(At(begin));
        if (header is < RecordHeader or > MaxRecord)
        {
            return null;
        }

        var bytes = new byte[header];
        if (Collect(begin, bytes) is not { } end)
        {
            return Overwritten(begin);
        }

        var crc = Update(Update(uint.MaxValue, bytes.AsSpan(RecordHeader)), bytes.AsSpan(0, ChecksumAt));
        if (~crc != BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(ChecksumAt)))
        {
            return null;
        }

        var info = (byte)(bytes[16] & 0xF0);
        var manager = bytes[17];
        if (manager == 0 && info == WalRecord.SegmentSwitch && end % _segmentBytes != 0)
        {
            end += _segmentBytes - (end % _segmentBytes);
        }

        return new WalRecord(new Lsn(begin), new Lsn(end), new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8))), manager, info);
    }

    public void Dispose() => _segment.File?.Dispose();

    /// <summary>Copies a record from the pages it spans. Where it ends, or null when a page is not its continuation.</summary>
    private ulong? Collect(ulong begin, byte[] bytes)
    {
        var at = begin;
        for (var done = 0; done < bytes.Length;)
        {
            if (done > 0)
            {
                if (!LoadPage(at, true, out _) || BinaryPrimitives.ReadUInt32LittleEndian(_page.AsSpan(16)) != (uint)(bytes.Length - done))
                {
                    return null;
                }

                at = SkipPageHeader(at);
            }

            var inPage = (int)(at % (ulong)_page.Length);
            var count = Math.Min(bytes.Length - done, _page.Length - inPage);
            _page.AsSpan(inPage, count).CopyTo(bytes.AsSpan(done));
            done += count;
            at += (ulong)count;
        }

        return (at + Alignment - 1) / Alignment * Alignment;
    }

    /// <summary>After a crash in the middle of a record the server goes on at the next page, which says so; null when it does not.</summary>
    private WalRecord? Overwritten(ulong begin)
    {
        var next = (begin / (ulong)_page.Length * (ulong)_page.Length) + (ulong)_page.Length;
        return LoadPage(next, false, out var overwrites) && overwrites ? Read(new Lsn(next)) : null;
    }

    private ulong SkipPageHeader(ulong at) =>
        at % (ulong)_page.Length != 0 ? at : at + (at % _segmentBytes == 0 ? (ulong)FirstPageHeader : PageHeader);

    private Span<byte> At(ulong position) => _page.AsSpan((int)(position % (ulong)_page.Length));

    private bool LoadPage(ulong position, bool continues, out bool overwrites)
    {
        overwrites = false;
        var at = position / (ulong)_page.Length * (ulong)_page.Length;
        if (at != _pageAt)
        {
            _pageAt = ulong.MaxValue;
            if (Open(at / _segmentBytes) is not { } file)
            {
                return false;
            }

            file.Position = (long)(at % _segmentBytes);
            if (file.ReadAtLeast(_page, _page.Length, throwOnEndOfStream: false) < _page.Length)
            {
                return false;
            }

            _pageAt = at;
        }

        // A segment that waits to be filled still holds the pages of its last life.
        var flags = BinaryPrimitives.ReadUInt16LittleEndian(_page.AsSpan(2));
        overwrites = (flags & OverwritesRecord) != 0;
        return BinaryPrimitives.ReadUInt16LittleEndian(_page) != 0
            && BinaryPrimitives.ReadUInt64LittleEndian(_page.AsSpan(8)) == at
            && (!continues || (flags & ContinuesRecord) != 0);
    }

    /// <summary>A segment of the latest timeline that has it.</summary>
    private FileStream? Open(ulong number)
    {
        if (_segment.Number == number)
        {
            return _segment.File;
        }

        _segment.File?.Dispose();
        var file = _history.Switches.Select(ended => ended.Timeline).Append(_history.Timeline).Reverse()
            .Where(timeline => _history.BeginOf(timeline).Value / _segmentBytes <= number)
            .Select(timeline => Path.Combine(_directory, WalSegment.Name(timeline, number, _segmentBytes)))
            .FirstOrDefault(File.Exists);
        _segment = (number, file is null ? null : new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 17));
        return _segment.File;
    }

    private static uint Update(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var one in bytes)
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        return crc;
    }
}
