using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>The tests that share one PostgreSQL, each with two databases of its own.</summary>
[CollectionDefinition(Name)]
public sealed class SwitchoverGroup : ICollectionFixture<PostgresInstance>
{
    public const string Name = "Switchover";
}
