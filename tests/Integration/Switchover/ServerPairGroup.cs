namespace PgCluster.Tests.Integration.Switchover;

/// <summary>The tests that share one pair of servers.</summary>
[CollectionDefinition(Name)]
public sealed class ServerPairGroup : ICollectionFixture<SwitchoverServers>
{
    public const string Name = "Switchover between servers";
}
