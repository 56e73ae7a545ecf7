using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class SchemaComparisonTests
{
    private static readonly SwitchoverColumn Column = Facts.Column("c", "text");

    private static readonly SwitchoverCatalog Whole = new(
        [Facts.Table("t", Column), Facts.Table("p1") with { PartitionBound = "public.p FOR VALUES IN (1)" }], [Facts.Name("s")])
    {
        Parents = [Facts.Name("p")],
        Uniques = [new(Facts.Name("t"), "t_pkey", ["id"], "")],
        Checks = [new(Facts.Name("t"), "t_check", "CHECK ((id > 0))")],
        ForeignKeys = [Facts.Key("t", "t")],
        SequenceLimits = [new(Facts.Name("s"), 1, 100, 1, false)],
        Enums = [new(Facts.Name("mood"), ["sad", "happy"])],
    };

    private static readonly (string What, bool Refuses, SwitchoverCatalog Target)[] Differences =
    [
        ("table", true, Whole with { Tables = [Whole.Tables[1]], Uniques = [], Checks = [], ForeignKeys = [] }),
        ("partitioned table", true, Whole with { Parents = [] }),
        ("partition", true, Whole with { Tables = [Whole.Tables[0], Whole.Tables[1] with { PartitionBound = "public.p FOR VALUES IN (2)" }] }),
        ("persistence", true, Table(t => t with { Unlogged = true })),
        ("column", true, Table(t => t with { Columns = [t.Columns[0]] })),
        ("column", false, Table(t => t with { Columns = [.. t.Columns, Facts.Column("x")] })),
        ("column", false, Table(t => t with { Columns = [.. t.Columns, Facts.Column("x") with { NotNull = true, Default = "0" }] })),
        ("NOT NULL column without a default", true, Table(t => t with { Columns = [.. t.Columns, Facts.Column("x") with { NotNull = true }] })),
        ("type", true, With(c => c with { Type = "integer" })),
        ("nullability", true, With(c => c with { NotNull = true })),
        ("content", true, With(c => c with { Generated = true })),
        ("identity", true, With(c => c with { Identity = "a" })),
        ("collation", true, With(c => c with { Collation = "C" })),
        ("default", false, With(c => c with { Default = "'x'::text" })),
        ("sequence", true, Whole with { Sequences = [], SequenceLimits = [] }),
        ("range", true, Whole with { SequenceLimits = [new(Facts.Name("s"), 1, 50, 1, false)] }),
        ("range", false, Whole with { SequenceLimits = [new(Facts.Name("s"), 1, 500, 1, false)] }),
        ("step", false, Whole with { SequenceLimits = [new(Facts.Name("s"), 1, 100, 2, true)] }),
        ("enum", true, Whole with { Enums = [new(Facts.Name("mood"), ["sad"])] }),
        ("enum", true, Whole with { Enums = [] }),
        ("enum", false, Whole with { Enums = [new(Facts.Name("mood"), ["sad", "ok", "happy"])] }),
        ("unique index", true, Whole with { Uniques = [.. Whole.Uniques, new(Facts.Name("t"), "u", ["c"], "")] }),
        ("unique index", false, Whole with { Uniques = [] }),
        ("constraint t_check", false, Whole with { Checks = [] }),
        ("constraint t_check", false, Whole with { Checks = [new(Facts.Name("t"), "t_check", "CHECK ((id > 1))")] }),
        ("constraint extra", true, Whole with { Checks = [.. Whole.Checks, new(Facts.Name("t"), "extra", "CHECK ((id > 1))")] }),
        ("foreign key t_t_fkey", false, Whole with { ForeignKeys = [] }),
        ("foreign key t_p1_fkey", true, Whole with { ForeignKeys = [.. Whole.ForeignKeys, Facts.Key("t", "p1")] }),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Differences.Length)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void SW_Schema_each_difference_is_found_and_nothing_else(int row)
    {
        var (what, refuses, target) = Differences[row];
        var found = Assert.Single(SchemaComparison.Compare(Whole, target));
        Assert.Equal((what, refuses), (found.What, found.Refuses));
        Assert.NotEqual(found.Source, found.Target);
    }

    [Fact]
    public void SW_Schema_the_same_schema_has_no_difference()
    {
        Assert.Empty(SchemaComparison.Compare(Whole, Whole));

        // What the target has besides is nobody's business.
        Assert.Empty(SchemaComparison.Compare(Whole, Whole with
        {
            Tables = [.. Whole.Tables, Facts.Table("more")],
            Sequences = [.. Whole.Sequences, Facts.Name("s2")],
            Uniques = [.. Whole.Uniques, new(Facts.Name("more"), "more_pkey", ["id"], "")],
            Checks = [.. Whole.Checks, new(Facts.Name("other_domain"), "c", "CHECK ((VALUE > 0))")],
            ForeignKeys = [.. Whole.ForeignKeys, Facts.Key("more", "more")],
        }));
    }

    [Fact]
    public void SW_Schema_a_key_that_nothing_on_the_target_stands_for_is_missed()
    {
        var partial = new SwitchoverUnique(Facts.Name("t"), "t_pkey", ["id"], "WHERE (id > 5)");
        var found = SchemaComparison.Compare(Whole, Table(t => t with { Key = [] }) with { Uniques = [partial] });
        Assert.True(Assert.Single(found, d => d.What == "key").Refuses);
    }

    [Fact]
    public void SW_Schema_a_check_of_a_domain_counts_where_a_column_is_of_it()
    {
        var source = new SwitchoverCatalog([Facts.Table("t", Facts.Column("c", "public.\"Small\""))], []);
        var target = source with { Checks = [new(Facts.Name("Small"), "c", "CHECK ((VALUE > 0))")] };
        Assert.True(Assert.Single(SchemaComparison.Compare(source, target)).Refuses);
    }

    [Fact]
    public void SW_Schema_a_unique_index_over_the_same_columns_will_do_for_a_key() =>
        Assert.DoesNotContain(SchemaComparison.Compare(Whole, Table(t => t with { Key = [] })), d => d.What == "key");

    [Fact]
    public void SW_Schema_what_the_target_takes_in_addition_refuses_nothing()
    {
        var strict = Whole with { Tables = [Facts.Table("t", Column with { NotNull = true }), Whole.Tables[1]] };
        Assert.Equal(("nullability", false), Assert.Single(SchemaComparison.Compare(strict, Whole)) is var d ? (d.What, d.Refuses) : default);
    }

    private static SwitchoverCatalog Table(Func<SwitchoverTable, SwitchoverTable> change) =>
        Whole with { Tables = [change(Whole.Tables[0]), Whole.Tables[1]] };

    private static SwitchoverCatalog With(Func<SwitchoverColumn, SwitchoverColumn> change) =>
        Table(t => t with { Columns = [t.Columns[0], change(t.Columns[1])] });
}
