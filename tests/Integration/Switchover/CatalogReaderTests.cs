using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Integration.Switchover;

[Collection(ServerPairGroup.Name)]
public sealed class CatalogReaderTests(SwitchoverServers servers)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SW_Catalog_reads_keys_columns_partitions_and_rules_of_any_shape()
    {
        var options = await servers.CreateAsync(Schemas.Hard + "CREATE SCHEMA pgcluster_switchover; CREATE TABLE pgcluster_switchover.own (id int)");
        await using var databases = SwitchoverServers.Open(options);
        var catalog = await CatalogReader.ReadAsync(databases.Source, options, Token);

        Assert.Equal(
            ["Odd \"Shop\".Order Line", "public.a", "public.b", "public.fleeting", "public.item", "public.no_key", "public.part 2 rest", "public.part_1"],
            catalog.Tables.Select(t => t.Name.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal(["public.part", "public.part_2"], catalog.Parents.Select(p => p.ToString()));

        var line = Table(catalog, "Order Line");
        Assert.Equal(["line", "Order"], line.Key);
        Assert.Equal(["Order", "line", "Net Price", "feeling", "note"], line.CopiedColumns.Select(c => c.Name));
        Assert.Equal(
            [("bigint", true), ("smallint", true), ("numeric(10,2)", true), ("numeric(10,2)", false), ("public.mood", false), ("text", false)],
            line.Columns.Select(c => (c.Type, c.NotNull)));
        Assert.Equal(("C", true, true), (line.Columns[5].Collation, line.Columns[3].Generated, line.Binary));
        Assert.Equal("0", line.Columns[2].Default);
        Assert.NotEqual("", line.Columns[3].Default);

        var item = Table(catalog, "item");
        Assert.Equal("code i", $"{Assert.Single(item.Key)} {item.ReplicaIdentity}");
        Assert.Equal(["a", "d", ""], item.Columns.Take(3).Select(c => c.Identity));

        // Arrays of own types, composites and reg types carry oids.
        Assert.Equal(["moods", "place", "kind"], item.Columns.Where(c => !c.Binary).Select(c => c.Name));
        Assert.False(item.Binary);

        Assert.Equal(["id", "day"], Table(catalog, "part_1").Key);
        Assert.StartsWith("public.part FOR VALUES FROM ('2026-01-01')", Table(catalog, "part_1").PartitionBound, StringComparison.Ordinal);
        Assert.Equal("public.part_2 DEFAULT", Table(catalog, "part 2 rest").PartitionBound);
        Assert.True(Table(catalog, "part_1").IsPartition);
        Assert.Empty(Table(catalog, "no_key").Key);
        Assert.Equal('d', Table(catalog, "no_key").ReplicaIdentity);

        // A key that is checked at the commit identifies no row for logical replication or ON CONFLICT.
        Assert.Empty(Table(catalog, "fleeting").Key);
        Assert.True(Table(catalog, "fleeting").Unlogged);

        Assert.Equal(["a_id_seq", "counter", "item_alt_seq", "item_id_seq"], catalog.Sequences.Select(s => s.Name));
        Assert.Contains(new SwitchoverSequence(new("public", "counter"), 1, 32767, 5, true), catalog.SequenceLimits);
        Assert.Contains(catalog.SequenceLimits, s => s.Name.Name == "item_id_seq" && s.Maximum == 1000);
        Assert.Equal(
            [("a_b_fkey", true), ("b_a_fkey", false), ("item_parent_fkey", false), ("part_item_fkey", false)],
            catalog.ForeignKeys.Select(f => (f.Name, f.Deferrable)));
        Assert.Contains(catalog.Uniques, u => u.Name == "item_code" && u.Meaning == "code");
        Assert.Contains(catalog.Uniques, u => u.Table.Name == "Order Line" && u.Meaning == "line, Order");
        Assert.Equal(["b_a_check", "positive_check"], catalog.Checks.Select(c => c.Name));
        Assert.Equal(["sad", "happy"], Assert.Single(catalog.Enums).Labels);
    }

    [Fact]
    public async Task SW_Catalog_reads_only_what_was_chosen()
    {
        var options = await servers.CreateAsync(
            Schemas.Hard + "CREATE TABLE public.axb (id int); CREATE TABLE public.a_b (id int); CREATE TEMP TABLE gone (id int)");
        await using var databases = SwitchoverServers.Open(options);

        var odd = await CatalogReader.ReadAsync(databases.Source, options with { Schemas = ["Odd \"Shop\""] }, Token);
        Assert.Equal("Order Line", Assert.Single(odd.Tables).Name.Name);
        Assert.Equal("mood", Assert.Single(odd.Enums).Name.Name);
        Assert.Empty(odd.ForeignKeys);

        var rest = await CatalogReader.ReadAsync(
            databases.Source, options with { Schemas = ["public"], ExcludedTables = ["public.part*", "public.a_b", "public.?", "*.no_key"] }, Token);
        Assert.Equal(["axb", "fleeting", "item"], rest.Tables.Select(t => t.Name.Name));
    }

    [Fact]
    public async Task SW_Catalog_estimates_come_from_the_statistics()
    {
        var options = await servers.CreateAsync(
            "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE fresh (id int); "
            + "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 1000) i; ANALYZE t");
        await using var databases = SwitchoverServers.Open(options);
        var catalog = await CatalogReader.ReadAsync(databases.Source, options, Token);
        var t = Table(catalog, "t");
        Assert.Equal(1000, t.EstimatedRows);
        Assert.InRange(t.Bytes, 100_000, 400_000);
        Assert.InRange(t.Pages, 10, 50);
        Assert.Equal(-1, Table(catalog, "fresh").EstimatedRows);
    }

    private static SwitchoverTable Table(SwitchoverCatalog catalog, string name) => catalog.Tables.Single(t => t.Name.Name == name);
}
