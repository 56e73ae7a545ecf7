using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Never two writers, no acknowledged commit lost, and always a leader again, along random walks with several faults, planned failovers and suspensions.</summary>
public sealed class RandomWalkTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(3, SynchronousMode.Manual, SynchronousMethod.First, 1, 1)]
    [InlineData(3, SynchronousMode.Manual, SynchronousMethod.Any, 1, 1001)]
    [InlineData(3, SynchronousMode.Manual, SynchronousMethod.First, 2, 2001)]
    [InlineData(3, SynchronousMode.Manual, SynchronousMethod.Any, 0, 3001)]
    [InlineData(2, SynchronousMode.Manual, SynchronousMethod.First, 1, 4001)]
    [InlineData(4, SynchronousMode.Manual, SynchronousMethod.Any, 2, 5001)]
    [InlineData(3, SynchronousMode.Availability, SynchronousMethod.Any, 1, 6001)]
    [InlineData(3, SynchronousMode.Protection, SynchronousMethod.First, 1, 7001)]
    [InlineData(4, SynchronousMode.Protection, SynchronousMethod.Any, 2, 8001)]
    public void Random_walks_stay_sound(int nodes, SynchronousMode mode, SynchronousMethod method, int standbys, int seed) =>
        output.Sound(Walk(nodes, mode, method, standbys, seed, 150));

    [Theory(Explicit = true)]
    [InlineData(3, SynchronousMode.Manual, SynchronousMethod.First, 1)]
    [InlineData(3, SynchronousMode.Manual, SynchronousMethod.Any, 1)]
    [InlineData(3, SynchronousMode.Manual, SynchronousMethod.First, 2)]
    [InlineData(3, SynchronousMode.Manual, SynchronousMethod.Any, 0)]
    [InlineData(4, SynchronousMode.Manual, SynchronousMethod.Any, 2)]
    [InlineData(3, SynchronousMode.Availability, SynchronousMethod.Any, 1)]
    [InlineData(3, SynchronousMode.Protection, SynchronousMethod.First, 1)]
    [InlineData(4, SynchronousMode.Protection, SynchronousMethod.Any, 2)]
    public void Many_random_walks_stay_sound(int nodes, SynchronousMode mode, SynchronousMethod method, int standbys) =>
        output.Sound(Walk(nodes, mode, method, standbys, 10_000, 50_000));

    private static SearchResult Walk(int nodes, SynchronousMode mode, SynchronousMethod method, int standbys, int seed, int count) => RandomWalks.Of(
        new ProtocolSetup { Nodes = nodes, Mode = mode, Method = method, Standbys = standbys, Faults = 5, Commits = 6, FineSteps = true, Plans = 2, Suspensions = 1 },
        seed, count, 60, recovers: true);
}
