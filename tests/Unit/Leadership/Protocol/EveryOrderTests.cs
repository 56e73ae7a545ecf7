namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Never two writers and no acknowledged commit lost, in every state that can be reached in so many moves.</summary>
public sealed class EveryOrderTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(2, 1, 2, 7)]
    [InlineData(2, 0, 1, 9)]
    [InlineData(3, 1, 1, 6)]
    [InlineData(3, 0, 1, 6)]
    public void Every_order_of_a_few_moves_is_sound(int nodes, int standbys, int faults, int moves) =>
        output.Sound(EveryOrder.Of(new ProtocolSetup { Nodes = nodes, Standbys = standbys, Faults = faults, Commits = 1 }, moves));

    [Theory(Explicit = true)]
    [InlineData(2, 1, 2, 11)]
    [InlineData(2, 0, 1, 14)]
    [InlineData(3, 1, 1, 9)]
    public void Every_order_of_more_moves_is_sound(int nodes, int standbys, int faults, int moves) =>
        output.Sound(EveryOrder.Of(new ProtocolSetup { Nodes = nodes, Standbys = standbys, Faults = faults, Commits = 1 }, moves));
}
