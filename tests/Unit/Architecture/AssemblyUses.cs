using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace PgCluster.Tests.Unit.Architecture;

/// <summary>
/// What a compiled assembly uses, from its metadata: nothing that is used can hide from it behind a global using, an alias or a suppressed warning.
/// </summary>
sealed class AssemblyUses
{
    /// <summary>Names of the assemblies it references.</summary>
    public required IReadOnlyList<string> Assemblies { get; init; }

    /// <summary>Full names of the types it references.</summary>
    public required IReadOnlyList<string> Types { get; init; }

    /// <summary>TYPE.MEMBER of the members it references.</summary>
    public required IReadOnlyList<string> Members { get; init; }

    /// <summary>Namespaces of the types it has itself, without what the compiler makes.</summary>
    public required IReadOnlyList<string> Namespaces { get; init; }

    public static AssemblyUses Read(string file)
    {
        using var stream = File.OpenRead(file);
        using var portable = new PEReader(stream);
        var metadata = portable.GetMetadataReader();
        return new AssemblyUses
        {
            Assemblies = [.. metadata.AssemblyReferences.Select(h => metadata.GetString(metadata.GetAssemblyReference(h).Name))],
            Types = [.. metadata.TypeReferences.Select(h => Name(metadata, h))],
            Members =
            [
                .. metadata.MemberReferences.Select(metadata.GetMemberReference)
                    .Where(m => m.Parent.Kind == HandleKind.TypeReference)
                    .Select(m => $"{Name(metadata, (TypeReferenceHandle)m.Parent)}.{metadata.GetString(m.Name)}"),
            ],
            Namespaces =
            [
                .. metadata.TypeDefinitions.Select(metadata.GetTypeDefinition).Where(t => !t.IsNested)
                    .Where(t => !metadata.GetString(t.Name).StartsWith('<') && !metadata.GetString(t.Name).StartsWith("__", StringComparison.Ordinal))
                    .Select(t => metadata.GetString(t.Namespace)).Distinct(),
            ],
        };
    }

    static string Name(MetadataReader metadata, TypeReferenceHandle handle)
    {
        var type = metadata.GetTypeReference(handle);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? $"{Name(metadata, (TypeReferenceHandle)type.ResolutionScope)}+{metadata.GetString(type.Name)}"
            : $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";
    }
}
