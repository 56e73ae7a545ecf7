using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

/// <summary>Two servers between which nothing is in the way.</summary>
internal static class Facts
{
    public static SwitchoverOptions Options { get; } = new() { SourceUri = "postgresql://a/x", TargetUri = "postgresql://b/x" };

    public static SwitchoverFacts Good { get; } = new(Side("a:5432/x"), Side("b:5432/x")) { DumpMajor = 15 };

    public static DatabaseFacts Side(string address) => new()
    {
        Address = address,
        VersionNumber = 150004,
        Version = "15.4",
        User = "mover",
        Superuser = true,
        CanCreate = true,
        CanSetReplicationRole = true,
        WalLevel = "logical",
        MaxSlots = 10,
        MaxOrigins = 10,
        MaxSenders = 10,
        MaxApplyWorkers = 4,
        MaxWorkers = 8,
        Encoding = "UTF8",
        Locale = "c.utf8",
        Roles = ["mover", "app"],
        UsedRoles = ["app"],
        Schemas = ["public"],
        Catalog = Catalog(Table("t")),
    };

    public static SwitchoverCatalog Catalog(params SwitchoverTable[] tables) => new(tables, []);

    public static SwitchoverTable Table(string name, params SwitchoverColumn[] more) => new()
    {
        Name = Name(name),
        Oid = 16400,
        Columns = [Column("id") with { NotNull = true }, .. more],
        Key = ["id"],
        ReplicaIdentity = 'd',
    };

    public static SwitchoverColumn Column(string name, string type = "integer") => new(name, type, false, false, "", "", "", true);

    public static TableName Name(string name) => new("public", name);

    public static SwitchoverForeignKey Key(string from, string to) => new($"{from}_{to}_fkey", Name(from), Name(to),
        $"FOREIGN KEY (x) REFERENCES public.{to}(id)", false);
}
