using PgCluster.Engine.Pooling;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class WantedTargetTests
{
    private const string Key = "/master";

    private static readonly Redirect Pending = new(
        Guid.Parse("11111111-2222-3333-4444-555555555555"), RedirectState.Pending, "db.new", 5433, "orders2", "orders");
    private static readonly Redirect Active = Pending with { State = RedirectState.Active };
    private static readonly PoolerTarget Primary = new(new PrimaryAddress("10.0.0.1", 5432));
    private static readonly PoolerTarget Other = new(new PrimaryAddress("db.new", 5433), "orders2", "orders");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string?, string?, WantedTarget> Wanted => new()
    {
        { "10.0.0.1", null, new(9, Primary) },
        { "10.0.0.1", Pending.ToJson(), new(9, Primary, Pending) },
        { "10.0.0.1", Active.ToJson(), new(9, Other) },
        { null, Active.ToJson(), new(9, Other) },
        { "no host", Active.ToJson(), new(9, Other) },
        { null, null, new(9, null, null, "revision 5 publishes no primary: absent") },
        { "no host", Pending.ToJson(), new(9, null, Pending, "revision 5 publishes no primary: 'no host'") },
        { "10.0.0.1", "{", new(9, null, null, "revision 9 has a redirect that cannot be read") },
        { "10.0.0.1", "", new(9, null, null, "revision 9 has a redirect that cannot be read") },
    };

    [Theory]
    [MemberData(nameof(Wanted))]
    public void The_active_redirect_outranks_the_primary(string? primary, string? redirect, WantedTarget expected) =>
        Assert.Equal(expected, WantedTarget.Decide(new KeyedValue(Key, primary, 5), new KeyedValue(StoreKeys.Redirect, redirect, 9)));

    [Fact]
    public void A_database_that_keeps_its_name_is_looked_for_nowhere_else() => Assert.Null((Active with { Database = "orders" }).Target.InsteadOf);

    [Fact]
    public async Task Nothing_is_wanted_before_both_keys_are_known() => Assert.Equal(
        [new WantedTarget(9, Other)],
        await Stream(new(Key, "10.0.0.1", 5), new(StoreKeys.Redirect, Active.ToJson(), 9)).AsWantedTargets(Key, Token).ToListAsync(Token));

    [Fact]
    public async Task A_new_primary_changes_nothing_under_a_redirect_and_counts_when_it_is_gone() => Assert.Equal(
        [new WantedTarget(9, Other), new WantedTarget(12, new PoolerTarget(new PrimaryAddress("10.0.0.2", 5432)))],
        await Stream(
            new(StoreKeys.Redirect, Active.ToJson(), 9), new(Key, "10.0.0.1", 5), new(Key, "10.0.0.2", 10), new(StoreKeys.Redirect, null, 12))
            .AsWantedTargets(Key, Token).ToListAsync(Token));

    [Fact]
    public void Who_still_leads_to_the_database_left_is_a_stray()
    {
        PoolerDatabase[] databases =
        [
            new("orders", "db.new", 5433, "orders", null, 0, false, false),
            new("pgbouncer", null, 6432, "pgbouncer", "statement", 0, false, false),
        ];

        Assert.Equal("orders at db.new:5433/orders", Other.StraysAmong(databases));
        Assert.Equal("", (Other with { InsteadOf = null }).StraysAmong(databases));
        Assert.Equal("orders at db.new:5433/orders", Primary.StraysAmong(databases));
    }

    private static IAsyncEnumerable<KeyedValue> Stream(params KeyedValue[] values) => values.ToAsyncEnumerable();
}
