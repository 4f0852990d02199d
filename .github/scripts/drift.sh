#!/usr/bin/env bash
# drift.sh STACK FILE: keeps one open issue a stack while it has drifted. FILE is what `dip preview` said of it; an
# empty one says that there is no drift, and closes the issue. Needs GH_TOKEN and GITHUB_REPOSITORY.
set -euo pipefail
stack=$1 file=$2
title="Drift: stack $stack"
export title
open=$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues?state=open&creator=github-actions%5Bbot%5D&per_page=100" \
  --jq '.[] | select(.title == env.title and .pull_request == null) | .number' | head -n 1)
if [ ! -s "$file" ]; then
  if [ -n "$open" ]; then
    gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$open/comments" --field "body=The drift is gone."
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/$open" --field state=closed
  fi
elif [ -n "$open" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/$open" --field "body=@$file"
else
  gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues" --field "title=$title" --field "body=@$file"
fi
