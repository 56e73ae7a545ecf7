using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class CopyPartTests
{
    [Theory]
    [InlineData(0, true, 1)]
    [InlineData(CopyPart.PagesPerPart, true, 1)]
    [InlineData(CopyPart.PagesPerPart + 1, true, 2)]
    [InlineData(CopyPart.PagesPerPart + 1, false, 1)]
    [InlineData(CopyPart.PagesPerPart * 1000, true, 256)]
    public void A_table_is_divided_without_gap_or_overlap_and_not_without_end(long pages, bool split, int expected)
    {
        var parts = CopyPart.Plan([Table("t", pages)], split);
        Assert.Equal(expected, parts.Count);
        Assert.Equal(0, parts[0].FirstPage);
        Assert.Null(parts[^1].EndPage);
        Assert.True(parts[^1].FirstPage < Math.Max(1, pages));
        Assert.All(parts.Zip(parts.Skip(1)), pair => Assert.Equal(pair.First.EndPage, pair.Second.FirstPage));
        Assert.Equal(expected == 1, parts[0].Where.Length == 0);
    }

    [Fact]
    public void The_largest_table_comes_first()
    {
        var parts = CopyPart.Plan([Table("small", 1), Table("large", 20_000), Table("middle", 100)], split: true);
        Assert.Equal(["large", "large", "large", "middle", "small"], parts.Select(p => p.Table.Name.Name));
        Assert.Equal(" WHERE ctid >= '(8192,0)'::tid AND ctid < '(16384,0)'::tid", parts[1].Where);
        Assert.Equal(" WHERE ctid >= '(16384,0)'::tid", parts[2].Where);
    }

    [Fact]
    public void The_rest_is_estimated_by_what_finished_parts_have_sent()
    {
        var time = new FakeTimeProvider();
        SwitchoverTable[] tables = [Table("a", 100), Table("b", 100), Table("there", 100)];
        var parts = CopyPart.Plan(tables[..2], split: true);
        var meter = new CopyMeter(tables, parts, time);
        Assert.Null(meter.Read().RemainingSeconds);
        var half = (int)(parts[0].Weight / 2);
        meter.Started(parts[0]);
        meter.Sent(half);
        time.Advance(TimeSpan.FromSeconds(10));
        meter.Finished(parts[0], rows: 7, half);
        var read = meter.Read();
        Assert.Equal((3, 2, 7L, (long)half, half * 2L), (read.Tables, read.TablesDone, read.Rows, read.Bytes, read.BytesExpected));
        Assert.Equal(10, read.RemainingSeconds!.Value, 3);
        meter.Sent(half * 3);
        meter.Finished(parts[1], rows: 9, half * 3);
        read = meter.Read();
        Assert.Equal((3, 16L, half * 4L, half * 4L, ""), (read.TablesDone, read.Rows, read.Bytes, read.BytesExpected, read.CurrentTable));
        Assert.Equal(0, read.RemainingSeconds);
    }

    private static SwitchoverTable Table(string name, long pages) => new()
    {
        Name = new TableName("public", name), Oid = 1, Columns = [], Key = [], ReplicaIdentity = 'd', Pages = pages,
        Bytes = pages * 8192, EstimatedRows = pages,
    };
}
