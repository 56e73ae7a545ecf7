using PgCluster.Adapters.Process;

namespace PgCluster.Tests.Unit.Process;

public sealed class ProcessStatTests
{
    private const string Rest = " 1 4711 4711 0 -1 4194560 123 0 0 0 1 2 0 0 10 -10 1 0 987654 226000000 7000 18446744073709551615 1 1 0";

    [Theory]
    [InlineData("postgres")]
    [InlineData("a b")]
    [InlineData("odd) Z 9 (name")]
    public void The_name_may_hold_anything(string name) =>
        Assert.Equal(new ProcessStat(name, 'S', 1, 4711, -10, 987654), ProcessStat.Parse($"4711 ({name}) S{Rest}"));

    [Theory]
    [InlineData('Z', true)]
    [InlineData('X', true)]
    [InlineData('S', false)]
    [InlineData('T', false)]
    public void A_zombie_is_one(char state, bool isZombie) => Assert.Equal(isZombie, ProcessStat.Parse($"1 (a) {state}{Rest}")!.IsZombie);

    [Theory]
    [InlineData("")]
    [InlineData("4711 postgres S 1")]
    [InlineData("4711 (postgres) S 1 2 3")]
    public void Anything_else_is_null(string text) => Assert.Null(ProcessStat.Parse(text));
}
