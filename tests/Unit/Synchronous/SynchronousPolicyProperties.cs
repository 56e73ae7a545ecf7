using FsCheck;
using FsCheck.Fluent;
using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Synchronous;

/// <summary>
/// No election loses an acknowledged commit, at whatever point of a change of the list it is held: over random sequences of commits, flushes, losses, returns, single steps of the
/// leader's agent, its death between any two of them, votes given and taken by the role loop, and takeovers. The judge is the election's own rule, asked for every set of voters after each event.
/// </summary>
public sealed class SynchronousPolicyProperties
{
    [Theory]
    [InlineData(SynchronousMode.Availability, SynchronousMethod.Any)]
    [InlineData(SynchronousMode.Availability, SynchronousMethod.First)]
    [InlineData(SynchronousMode.Protection, SynchronousMethod.Any)]
    [InlineData(SynchronousMode.Protection, SynchronousMethod.First)]
    public void No_election_loses_an_acknowledged_commit(SynchronousMode mode, SynchronousMethod method)
    {
        var (elections, changes) = (0, 0);
        var runs = Gen.Choose(3, 5).SelectMany(nodes => Gen.Choose(1, Math.Min(2, nodes - 2)).SelectMany(count => Gen.Choose(1, 3).SelectMany(domains => Gen.Choose(count, nodes - 1).SelectMany(places =>
            Gen.Choose(0, 59).Two().ListOf(80).Select(events => (nodes, count, domains, places, events: events.ToArray()))))));
        Prop.ForAll(runs.ToArbitrary(), run =>
        {
            var model = new SynchronousModel(
                new SynchronousConfig { Mode = mode, Method = method, Standbys = run.count }, run.nodes, run.domains, run.places);
            foreach (var (what, who) in run.events)
            {
                // Looks are frequent; so are commits and flushes. Agents die and primaries change now and then.
                var broken = model.Do(Weighted[what % Weighted.Length], who);
                if (broken is not null)
                {
                    throw new InvalidOperationException(broken + "\n" + string.Join('\n', model.Trace));
                }
            }

            elections += model.Elections;
            changes += model.Changes;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150));

        // It says nothing when nothing happens.
        Assert.True(elections > 50 && changes > 100, $"{elections} elections, {changes} changes");
    }

    private static readonly int[] Weighted = [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 5, 5, 5, 5, 5, 5, 6, 7, 7, 8, 9, 9];
}
