using System.Reflection;
using System.Runtime.Loader;

namespace PgCluster.Cmdlets;

/// <summary>
/// Holds everything the cmdlets stand on, except <c>PgCluster.Model</c>: another module may have loaded another Npgsql or protobuf
/// first, and both have to live side by side.
/// </summary>
internal sealed class DependencyLoadContext : AssemblyLoadContext
{
    /// <summary>What the cmdlets refer to themselves. Nobody else's request is answered: it would hand our copy to another module.</summary>
    private static readonly HashSet<string> Entrances = new(StringComparer.Ordinal) { "PgCluster.Client", "PgCluster.Playground" };

    // One for the process: a second one would bring a second set of types, and a session of the first would be unknown to it.
    private static readonly Lazy<DependencyLoadContext> Instance = new(() => new DependencyLoadContext());

    private readonly string _directory = Path.Combine(ModuleFiles.Bin, "deps");

    private DependencyLoadContext()
        : base("PgCluster")
    {
    }

    /// <summary>The handler of the shared context's <see cref="AssemblyLoadContext.Resolving"/>.</summary>
    public static Assembly? OnResolving(AssemblyLoadContext context, AssemblyName name) =>
        name.Name is { } simple && Entrances.Contains(simple) ? Instance.Value.LoadFromAssemblyName(name) : null;

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        // The model is people's: one copy, in the shared context. It is not in the directory, so null is the answer for it too.
        var path = Path.Combine(_directory, assemblyName.Name + ".dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }
}
