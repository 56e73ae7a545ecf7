namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>Tests of one cluster under a real Pacemaker: alone, because it takes much of this machine's processors.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class PacemakerGroup : ICollectionFixture<PacemakerCluster>
{
    public const string Name = "Pacemaker";
}
