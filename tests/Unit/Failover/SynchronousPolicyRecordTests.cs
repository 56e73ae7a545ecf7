using FsCheck;
using FsCheck.Fluent;
using PgCluster.Engine.Failover;

namespace PgCluster.Tests.Unit.Failover;

public sealed class SynchronousPolicyRecordTests
{
    [Theory]
    [InlineData("", 0, "", 0)]
    [InlineData("pg02", 1, "pg02", 1)]
    [InlineData("pg02, pg03", 1, "pg02,pg03", 2)]
    [InlineData("FIRST 1 (pg02, pg03)", 1, "pg02,pg03", 2)]
    [InlineData("first 2 (pg02,pg03)", 2, "pg02,pg03", 1)]
    [InlineData("ANY 1 (\"pg02\", \"pg03\", \"pg04\")", 1, "pg02,pg03,pg04", 3)]
    [InlineData("2 (a, b, c)", 2, "a,b,c", 2)]
    [InlineData("FIRST 1 (\"odd name\", \"a\"\"b\")", 1, "odd name,a\"b", 2)]
    [InlineData("*", 1, "*", 0)]
    [InlineData("ANY 2 (*)", 2, "*", 0)]
    public void Reads_what_PostgreSQL_writes(string text, int count, string names, int needed)
    {
        var policy = SynchronousPolicyRecord.Parse("pg01", 1, text);

        Assert.Equal(count, policy.Count);
        Assert.Equal(names.Length == 0 ? [] : names.Split(','), policy.Standbys);
        Assert.Equal(needed, policy.NeededToVouch);
    }

    [Fact]
    public void Any_set_that_is_large_enough_to_vouch_meets_every_set_that_acknowledged()
    {
        // R + W > N for every N up to 6, every W, and every choice of both sets.
        var standbyCounts = Gen.Choose(1, 6).SelectMany(n => Gen.Choose(1, n).Select(w => (N: n, W: w)));
        Prop.ForAll(standbyCounts.ToArbitrary(), c =>
        {
            var policy = SynchronousPolicyRecord.Parse("p", 1, $"ANY {c.W} ({string.Join(", ", Enumerable.Range(0, c.N).Select(i => $"s{i}"))})");
            return Subsets(c.N).Where(s => s.Count == policy.NeededToVouch).All(asked =>
                Subsets(c.N).Where(s => s.Count == c.W).All(acknowledged => asked.Overlaps(acknowledged)));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Survives_the_store()
    {
        var policy = SynchronousPolicyRecord.Parse("pg01", 7, "FIRST 1 (pg02, pg03)");
        var back = SynchronousPolicyRecord.FromJson(policy.ToJson());

        Assert.Equal(policy.ToJson(), back!.ToJson());
        Assert.Null(SynchronousPolicyRecord.FromJson("{"));
        Assert.Null(SynchronousPolicyRecord.FromJson(null));
    }

    [Fact]
    public void Leadership_that_goes_round_leaves_each_list_on_record_once()
    {
        SynchronousPolicyRecord? record = null;
        for (var timeline = 1; timeline <= 200; timeline++)
        {
            var primary = timeline % 3;
            record = SynchronousPolicyRecord.Parse($"pg{primary}", timeline, $"ANY 1 (pg{(primary + 1) % 3}, pg{(primary + 2) % 3})").Before(record);
        }

        Assert.Equal([("pg2", 200), ("pg1", 199), ("pg0", 198)], record!.InForce.Select(p => (p.Primary, p.Timeline)));
        Assert.Equal(record.ToJson(), SynchronousPolicyRecord.FromJson(record.ToJson())!.ToJson());
    }

    [Fact]
    public void Lists_that_differ_in_their_order_only_are_both_on_record()
    {
        // FIRST 1 waits for another standby under each.
        var record = SynchronousPolicyRecord.Parse("pg01", 1, "FIRST 1 (pg02, pg03)").Before(SynchronousPolicyRecord.Parse("pg01", 1, "FIRST 1 (pg03, pg02)"));

        Assert.Equal(2, record.InForce.Count());
    }

    private static IEnumerable<HashSet<int>> Subsets(int n) =>
        Enumerable.Range(0, 1 << n).Select(mask => Enumerable.Range(0, n).Where(i => (mask & (1 << i)) != 0).ToHashSet());
}
