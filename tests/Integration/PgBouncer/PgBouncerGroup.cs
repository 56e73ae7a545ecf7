using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.PgBouncer;

/// <summary>The tests that share one PostgreSQL behind PgBouncers of their own.</summary>
[CollectionDefinition(Name)]
public sealed class PgBouncerGroup : ICollectionFixture<PostgresInstance>
{
    public const string Name = "PgBouncer";
}
