using System.Reflection;

namespace PgCluster.Tests.Unit.Architecture;

public sealed class AssemblyRulesTests
{
    public static TheoryData<string> Rooms => [.. Room.All.Select(r => r.Project)];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void What_was_compiled_keeps_to_the_table(string project)
    {
        var room = Room.All.Single(r => r.Project == project);

        Assert.Empty(AssemblyRules.Violations(room, AssemblyUses.Read(SourceTree.AssemblyOf(room.Project, room.Assembly))));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Namespaces_follow_the_room(string project)
    {
        var room = Room.All.Single(r => r.Project == project);
        var uses = AssemblyUses.Read(SourceTree.AssemblyOf(room.Project, room.Assembly));

        // What people see is named after the product, not after the room it is in.
        string[] product = project switch
        {
            "PgCluster.Model" => ["PgCluster"],
            "PgCluster.Cmdlets" => ["PgCluster", "PgCluster.Commands"],
            _ => [],
        };
        Assert.DoesNotContain(uses.Namespaces, n => n.Length > 0 && n != project && !n.StartsWith(project + ".", StringComparison.Ordinal) && !product.Contains(n) && !IsGenerated(n));
    }

    [Fact]
    public void Planted_mistakes_are_seen()
    {
        var engine = Room.All.Single(r => r.Project == "PgCluster.Engine");
        var uses = new AssemblyUses
        {
            Assemblies = ["System.Runtime", "PgCluster.Model", "PgCluster.Adapters", "Npgsql", "System.Management.Automation", "Microsoft.Extensions.Hosting"],
            Types = ["System.String", "System.IO.File", "System.Net.Http.HttpClient"],
            Members = ["System.DateTime.get_Now", "System.String.Concat", "System.Threading.Thread.Sleep", "System.Environment.GetEnvironmentVariable"],
            Namespaces = [],
        };

        Assert.Equal(
            [
                "PgCluster.Engine uses PgCluster.Adapters", "PgCluster.Engine uses Npgsql", "PgCluster.Engine uses PowerShellStandard.Library",
                "PgCluster.Engine uses Microsoft.AspNetCore.App", "PgCluster.Engine touches System.IO.File", "PgCluster.Engine touches System.Net.Http.HttpClient",
                "PgCluster.Engine calls System.DateTime.get_Now", "PgCluster.Engine calls System.Threading.Thread.Sleep",
                "PgCluster.Engine calls System.Environment.GetEnvironmentVariable",
            ],
            AssemblyRules.Violations(engine, uses));
    }

    [Fact]
    public void The_metadata_shows_what_an_assembly_uses()
    {
        var own = AssemblyUses.Read(typeof(AssemblyRulesTests).Assembly.Location);

        Assert.Contains("xunit.v3.assert", own.Assemblies);
        Assert.Contains("System.IO.File", own.Types);
        Assert.Contains("System.IO.File.OpenRead", own.Members);
        Assert.Contains("PgCluster.Tests.Unit.Architecture", own.Namespaces);
    }

    /// <summary>Cmdlets are compiled against these: a package's type in them would have to be loaded into PowerShell's own context.</summary>
    [Theory]
    [InlineData("PgCluster.Client")]
    [InlineData("PgCluster.Playground")]
    public void No_package_type_is_in_the_public_surface_of_what_cmdlets_call(string name)
    {
        var assembly = Assembly.Load(name);

        var foreign = assembly.GetExportedTypes().SelectMany(Surface)
            .Where(t => !Room.All.Any(r => r.Assembly == t.Assembly.GetName().Name) && !IsBaseClassLibrary(t.Assembly))
            .Select(t => t.FullName).Distinct();

        Assert.Empty(foreign);
    }

    /// <summary>The compiler's own attributes, and the messages of protos/, which name their namespace themselves.</summary>
    static bool IsGenerated(string name) => name.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal)
        || name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("PgCluster.Protos.", StringComparison.Ordinal);

    static bool IsBaseClassLibrary(Assembly assembly) => Path.GetDirectoryName(assembly.Location) == Path.GetDirectoryName(typeof(object).Assembly.Location);

    static IEnumerable<Type> Surface(Type type)
    {
        const BindingFlags Visible = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        IEnumerable<Type?> all =
        [
            type.BaseType,
            .. type.GetInterfaces(),
            .. type.GetMethods(Visible).Cast<MethodBase>().Concat(type.GetConstructors(Visible)).Where(m => m.IsPublic || m.IsFamily || m.IsFamilyOrAssembly)
                .SelectMany(m => m.GetParameters().Select(p => p.ParameterType).Append((m as MethodInfo)?.ReturnType)),
            .. type.GetFields(Visible).Where(f => f.IsPublic || f.IsFamily).Select(f => f.FieldType),
        ];
        return all.OfType<Type>().SelectMany(Parts);
    }

    static IEnumerable<Type> Parts(Type type) =>
        type.HasElementType ? Parts(type.GetElementType()!)
        : type.IsGenericParameter ? []
        : type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition())
        : [type];
}
